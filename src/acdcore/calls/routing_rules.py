"""What operators may change while calls go on: replaced as a whole by a reload; who is on the line goes on as begun."""

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
"""What callers are told who are not connected at once, unless their queue has other words for it."""


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What the calls' side does around one queue; the dispatcher's own settings are its `QueueSettings`."""

    calendar: str = ""
    """The calendar whose hours the queue keeps; empty: always open."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that a waiting caller may press, with the flow that each leads to."""
    busy_prompt: str = BUSY_PROMPT
    """The prompt for who is not connected at once, said once and before the music; empty: nothing is said."""
    keys_prompt: str = ""
    """The prompt that tells of these keys, said with each announcement of the position."""
    survey: str = ""
    """The flow that a caller hears when the agent hangs up first."""
    sticky_within_days: float = 0.0
    """A caller goes back to whoever served the last call, if it was not longer ago; 0: to the customer's owner only."""
    is_abandoned_called_back: bool = False
    """Whether those who hang up waiting are called back."""
    dial_first: DialFirst = DialFirst.AGENT
    """Who is rung first for a callback."""
    caller_id: str = ""
    """The number of ours that callbacks and calls sent on from this queue show, canonical; empty: the trunk's."""
    first_language: Language = Language.MANDARIN
    """The language that all agents of the queue are taken to speak; of a caller with another one they are told."""
    callback_digits_min: int = 5
    """A caller's number with fewer digits is no number to call back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One edition of everything."""

    flows: Mapping[str, Flow]
    """By name."""
    calendars: Mapping[str, Calendar]
    """By name."""
    trunks: Trunks
    """Who calls in, and the ways out."""
    queues: Mapping[QueueName, QueueRules] = field(default_factory=dict)
    """Every queue by name; work for one that is not named waits."""
    regions: Regions = field(default_factory=lambda: Regions({}, {}))
    """Where numbers belong to."""
    screening: ScreeningSettings = field(default_factory=ScreeningSettings)
    """Who is turned away."""
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
"""Around a queue that a reload has taken away from those who still wait in it."""


def unasked(skills: Iterable[SkillName], asked: Collection[SkillName]) -> list[SkillName]:
    """Those that are asked for nowhere; languages are skills that callers may always come with."""
    spoken = {language.value for language in Language}
    return [skill for skill in skills if skill not in asked and skill not in spoken]
