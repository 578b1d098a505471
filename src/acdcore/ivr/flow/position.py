"""A caller's position in a flow: the node, what is awaited there, and input that was not used yet."""

from dataclasses import dataclass, field
from enum import Enum, auto

from acdcore.ivr.flow.actions import PossibleAnswer
from acdcore.ivr.model.flow import Node, NodeName, PromptKey, RuntimeText


class Phase(Enum):
    """What the machine waits for."""

    NEW = auto()
    SPEAKING = auto()
    LISTENING = auto()
    AWAITING = auto()
    RECORDING = auto()
    STOPPING = auto()
    PREPARING = auto()
    HEARING = auto()
    UNDERSTANDING = auto()
    ENDED = auto()


@dataclass(slots=True)
class NodePosition:
    """The node that the call is at."""

    node: Node
    """The node."""
    failures: int = 0
    """Number of tries that were answered wrongly or not at all."""
    typed: str = ""
    """The answer so far, when it has several digits."""
    is_heard: bool = False
    """Whether the question was played to its end."""
    meanwhile: int = 0
    """Number of the playback that runs while a service is asked; 0: none."""
    then: NodeName | None = None
    """The node to go to when the playback has ended; None: not decided yet."""
    listening: int = 0
    """Number of the current listening; 0: none."""
    question: tuple[PromptKey | RuntimeText, ...] = ()
    """The question to play when the caller can be listened to."""
    doubtful: tuple[PossibleAnswer, ...] = ()
    """The recognised answers while the caller is asked whether the first was meant; else empty."""


@dataclass(slots=True)
class MachineState:
    """What the machine waits for."""

    phase: Phase = Phase.NEW
    """The row of the table."""
    number: int = 0
    """Number of the playback, recording or external request that is awaited, or of the last one."""
    until: float | None = None
    """When waiting ends, monotonic seconds; None: nothing is awaited."""


@dataclass(slots=True)
class PendingInput:
    """Input from the caller that was not used yet."""

    keys: list[str] = field(default_factory=list)
    """Keys that came before their question."""
    recording: int = 0
    """Number of the last recording with speech that no message has used; 0: none."""
