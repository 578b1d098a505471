"""Where a caller stands in a flow: the node, what is awaited there, and what has come and was not used yet."""

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
    """Which one."""
    failures: int = 0
    """Questions that were answered wrongly or not at all."""
    typed: str = ""
    """The answer so far, when it has several digits."""
    is_heard: bool = False
    """The question was played to its end."""
    meanwhile: int = 0
    """The playback that runs while a service is asked; 0: none."""
    then: NodeName | None = None
    """Where to go when that has ended, once the service has answered."""
    listening: int = 0
    """The number under which the caller is listened to; 0: nobody listens."""
    question: tuple[PromptKey | RuntimeText, ...] = ()
    """What is said as soon as the caller can be listened to."""
    doubtful: tuple[PossibleAnswer, ...] = ()
    """What was said, when the caller is asked whether the first of it was meant."""


@dataclass(slots=True)
class MachineState:
    """What the machine waits for."""

    phase: Phase = Phase.NEW
    """The row of the table."""
    number: int = 0
    """Of the playback, recording or external request that is awaited, or was last."""
    until: float | None = None
    """When waiting ends by itself."""


@dataclass(slots=True)
class PendingInput:
    """What has come from the caller and was not used yet."""

    keys: list[str] = field(default_factory=list)
    """Keys that nobody has asked for yet."""
    recording: int = 0
    """The last recording with something on it that no message has taken; 0: none."""
