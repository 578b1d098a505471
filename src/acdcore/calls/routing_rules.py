"""Routing rules: settings that a reload replaces as a whole. Calls in progress keep the rules they began with."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from acdcore.calls.admission.screening import ScreeningSettings
from acdcore.calls.numbers.number_location import Regions
from acdcore.calls.services.http_services import ServiceSettings
from acdcore.calls.trunks.trunks import Trunks
from acdcore.ivr.calendars.opening_hours import Calendar
from acdcore.ivr.model.flow import Flow, Language
from acdcore.ivr.model.system_prompts import SYSTEM, SystemPrompt
from acdcore.kernel.ids import QueueName, SkillName
from acdcore.work.callback_queue import CallbackSettings
from acdcore.work.model import DialFirst

BUSY_PROMPT = f"{SYSTEM}.{SystemPrompt.PLEASE_HOLD.value}"
"""The default prompt for callers who are not connected at once."""


@dataclass(frozen=True, slots=True)
class QueueRules:
    """Rules of call control for one queue; the dispatcher's own settings are its `QueueSettings`."""

    calendar: str = ""
    """The calendar whose hours the queue keeps; empty: always open."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that a waiting caller may press, each with the name of its flow."""
    busy_prompt: str = BUSY_PROMPT
    """The prompt for callers who are not connected at once, played once before the music; empty: none."""
    keys_prompt: str = ""
    """The prompt that names these keys, played with each announcement of the position; empty: none."""
    survey: str = ""
    """The flow for the caller when the agent hangs up first; empty: none."""
    sticky_within_days: float = 0.0
    """The agent of the last talk is preferred if it was not longer ago, days; 0: only the customer's owner is."""
    is_abandoned_called_back: bool = False
    """Whether those who hang up waiting are called back."""
    dial_first: DialFirst = DialFirst.AGENT
    """Who is rung first for a callback."""
    caller_id: str = ""
    """Our number shown on callbacks and forwarded calls from this queue, canonical; empty: the trunk's."""
    first_language: Language = Language.MANDARIN
    """The language that all agents of the queue speak; the whisper names any other language of a caller."""
    callback_digits_min: int = 5
    """A caller's number with fewer digits is not called back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One edition of the rules."""

    flows: Mapping[str, Flow]
    """By name."""
    calendars: Mapping[str, Calendar]
    """By name."""
    trunks: Trunks
    """Trunks and routes."""
    queues: Mapping[QueueName, QueueRules] = field(default_factory=dict)
    """Every queue by name; work items for other queues wait."""
    regions: Regions = field(default_factory=lambda: Regions({}, {}))
    """The regions of numbers."""
    screening: ScreeningSettings = field(default_factory=ScreeningSettings)
    """Which callers are refused."""
    services: Mapping[str, ServiceSettings] = field(default_factory=dict)
    """HTTP services that flows may ask, by name."""
    callbacks: CallbackSettings = field(default_factory=CallbackSettings)
    """Which numbers may be called back, and how long a caller has to have waited for it."""
    skills_asked: frozenset[SkillName] = frozenset()
    """Every skill that a queue, a rule or a flow asks for; empty: not known."""

    def queue(self, name: QueueName) -> QueueRules:
        """The rules around one queue."""
        return self.queues.get(name, NO_RULES)


NO_RULES = QueueRules()
"""The rules for a queue that a reload has removed while callers wait in it."""


def unasked(skills: Iterable[SkillName], asked: Collection[SkillName]) -> list[SkillName]:
    """The skills that nothing asks for. Languages are left out: any caller may bring one."""
    spoken = {language.value for language in Language}
    return [skill for skill in skills if skill not in asked and skill not in spoken]
