"""The section `[recording]`: whether and where talks are recorded, and what of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """The operator's choices."""

    is_on: bool = True
    """Whether talks and messages are recorded."""
    directory: Path = Path("var/recordings")
    """Where recordings lie, by year, month and day."""
    min_free_mb: Annotated[int, Ge(1)] = 500
    """Recording stops when less is left: the database, logs and records of calls need the rest."""
    begins: Literal["answer", "talk"] = "answer"
    """From the agent's answer on, or from when both hear each other."""
    announcements: bool = False
    """Whether what agent and caller are told before they hear each other is heard in the recording too."""

    @property
    def min_free_bytes(self) -> int:
        """`min_free_mb` in bytes."""
        return self.min_free_mb * 1_000_000
