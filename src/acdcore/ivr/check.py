"""What makes a flow fit for calls, checked before the first one."""

from dataclasses import dataclass

from acdcore.ivr.model import Flow
from acdcore.kernel.ids import QueueName

TIERS = frozenset({"standard", "silver", "gold", "vip"})
"""The customer tiers that the directory knows."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow may refer to outside of itself."""

    queues: frozenset[QueueName]
    """All queues."""
    tiers: frozenset[str] = TIERS
    """All customer tiers."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a flow."""

    key: str
    """Where in the file, dotted."""
    reason: str
    """What is wrong and how to mend it."""


def validate(flow: Flow, surroundings: Surroundings) -> list[Problem]:
    """Everything that is wrong with `flow`, in the order of the file; empty when it may take calls."""
    ...
