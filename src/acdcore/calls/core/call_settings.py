"""What a call goes by from its beginning to its end, whatever a reload changes meanwhile."""

from dataclasses import dataclass

from acdcore.calls.media.prompts import PromptSet
from acdcore.calls.routing_rules import Rules


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The configuration at the moment when the call came, or when staff sent it on."""

    rules: Rules
    """Flows, and what happens around the queues."""
    prompts: PromptSet
    """What is heard."""
    edition: int
    """The dispatcher's number for its settings of that moment; the call joins queues under it."""
