"""`[queues.NAME]`: one queue as the operator writes it, for the dispatcher and for the calls around it."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import Field

from acdcore.calls.routing_rules import BUSY_PROMPT, QueueRules
from acdcore.configuration.sections import Seconds
from acdcore.ivr.files.bounds import SpokenText
from acdcore.ivr.model.flow import Language
from acdcore.kernel.ids import QueueName, SkillName
from acdcore.numbering.setting_types import OwnNumber
from acdcore.queues.settings import (
    NeedRule,
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    Strategy,
    ToAnnouncement,
    ToExternalNumber,
    ToFlow,
    ToQueue,
    WideningStep,
)
from acdcore.work.model import DialFirst


@dataclass(frozen=True, slots=True)
class OverflowSection:
    """Where an overflow leads: exactly one of the four; `trunk` goes with `external_number`."""

    queue: str = ""
    announcement: str = ""
    external_number: str = ""
    trunk: str = ""
    flow: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for none of the four, and for several."""
        if sum(map(bool, (self.queue, self.announcement, self.external_number, self.flow))) != 1:
            raise ValueError("give exactly one of queue, announcement, external_number, flow")
        if self.trunk and not self.external_number:
            raise ValueError("trunk goes with external_number only")

    def target(self) -> OverflowTarget:
        """The same for the dispatcher."""
        if self.queue:
            return ToQueue(QueueName(self.queue))
        if self.flow:
            return ToFlow(self.flow)
        return (
            ToAnnouncement(self.announcement)
            if self.announcement
            else ToExternalNumber(self.external_number, self.trunk)
        )


@dataclass(frozen=True, slots=True)
class StickySection:
    """Back to the agent who knows the caller."""

    for_s: Seconds
    within_days: Annotated[float, Ge(0), Le(3_650)] = 30.0


@dataclass(frozen=True, slots=True)
class QueueSection:
    """One queue; limits that depend on each other are checked by the dispatcher's own `validate`."""

    title: dict[Language, SpokenText] = field(default_factory=dict)
    music: str = ""
    skills: dict[SkillName, int] = field(default_factory=dict)
    rules: tuple[NeedRule, ...] = ()
    widening: tuple[WideningStep, ...] = ()
    strategy: Strategy = Strategy.LONGEST_IDLE
    weight: float = 1.0
    ageing: float = 1.0
    sticky: StickySection | None = None
    language_level: Annotated[int, Ge(0), Le(9)] = 1
    language_for_s: Seconds = 30.0
    manual_assignment: bool = False
    ring_for_s: Seconds = 20.0
    wrap_up_s: Seconds = 15.0
    max_wait_s: Seconds | None = None
    max_estimated_wait_s: Seconds | None = None
    max_length: int | None = None
    overflow: dict[OverflowCause, OverflowSection] = field(default_factory=dict)
    calendar: str = ""
    busy_prompt: str = BUSY_PROMPT
    announce_first_s: Seconds | None = None
    announce_every_s: Seconds | None = None
    announce_wait: bool = False
    keys: dict[Annotated[str, Field(pattern="^[0-9*#]$")], str] = field(default_factory=dict)
    keys_prompt: str = ""
    survey: str = ""
    call_back_abandoned: bool = False
    dial_first: DialFirst = DialFirst.AGENT
    caller_id: OwnNumber = ""
    misses_until_not_ready: int = 2
    service_level_within_s: Seconds = 20.0
    short_abandon_s: Seconds = 5.0

    def __post_init__(self) -> None:
        """Raises ValueError for keys that need another one."""
        if OverflowCause.CLOSED in self.overflow and not self.calendar:
            raise ValueError('overflow.closed needs calendar = "..."')
        if self.keys_prompt and not self.keys:
            raise ValueError("keys_prompt tells of keys that are not there; give keys")

    def settings(self, name: str) -> QueueSettings:
        """For the dispatcher."""
        return QueueSettings(
            name=QueueName(name),
            skills=self.skills,
            rules=self.rules,
            widening=self.widening,
            strategy=self.strategy,
            weight=self.weight,
            ageing=self.ageing,
            sticky_for_s=self.sticky.for_s if self.sticky else 0.0,
            first_language=self.first_language().value,
            language_level=self.language_level,
            language_for_s=self.language_for_s,
            is_manual_assignment=self.manual_assignment,
            ring_for_s=self.ring_for_s,
            wrap_up_s=self.wrap_up_s,
            max_wait_s=self.max_wait_s,
            max_estimated_wait_s=self.max_estimated_wait_s,
            max_length=self.max_length,
            overflow=tuple(OverflowRule(cause, where.target()) for cause, where in self.overflow.items()),
            announce_first_s=self.announce_first_s,
            announce_every_s=self.announce_every_s,
            announces_wait=self.announce_wait,
            misses_until_not_ready=self.misses_until_not_ready,
            service_level_within_s=self.service_level_within_s,
            short_abandon_s=self.short_abandon_s,
        )

    def first_language(self) -> Language:
        """The language that everybody here is taken to speak: the first one of the title."""
        return next(iter(self.title), Language.MANDARIN)

    def queue_rules(self) -> QueueRules:
        """For the calls."""
        return QueueRules(
            calendar=self.calendar,
            keys=self.keys,
            busy_prompt=self.busy_prompt,
            keys_prompt=self.keys_prompt,
            survey=self.survey,
            sticky_within_days=self.sticky.within_days if self.sticky else 0.0,
            is_abandoned_called_back=self.call_back_abandoned,
            dial_first=self.dial_first,
            caller_id=self.caller_id,
            first_language=self.first_language(),
        )
