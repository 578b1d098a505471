"""The settings that a call keeps from its beginning to its end, although a reload may change them meanwhile."""

from dataclasses import dataclass

from acdcore.calls.media.prompts import PromptSet
from acdcore.calls.routing_rules import Rules


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The configuration at the moment when the call came, or when staff sent it on."""

    rules: Rules
    """Flows, and what happens around the queues."""
    prompts: PromptSet
    """Prompts and music."""
    edition: int
    """The dispatcher's number for its settings at that moment; the call joins queues with it."""
