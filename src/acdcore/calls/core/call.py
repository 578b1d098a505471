"""A live call: its state, its history, and the task that runs its script."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, replace

from acdcore.calls.core.call_settings import CallSettings
from acdcore.calls.core.leg import HungUp, Leg, LegNote, Side
from acdcore.calls.core.mailbox import Mailbox
from acdcore.calls.media.prompts import PromptSet
from acdcore.calls.model import history
from acdcore.calls.model.commands import LiveCall
from acdcore.calls.model.directory import Customer
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.record.call_segments import segments_of
from acdcore.calls.record.cdr import Spans, achieved_by, outcome_of, served_by, was_with_somebody
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.live import recognise
from acdcore.calls.routing_rules import Rules
from acdcore.ivr.calendars.opening_hours import Moment
from acdcore.ivr.flow.actions import EnterFlow, EnterQueue, ServiceAnswered, SpeechInput
from acdcore.ivr.model.flow import CalendarState, FlowContext, Language
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId
from acdcore.queues.decisions import (
    Announce,
    Connected,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    ReservedForAgent,
    Widened,
)
from acdcore.sip.events import EndCause
from acdcore.work.model import WorkId

QueueNote = (
    Queued | Offered | OfferWithdrawn | OfferMissed | Connected | Overflowed | Announce | Widened | ReservedForAgent
)
"""The dispatcher's decisions to which a waiting call reacts."""


@dataclass(frozen=True, slots=True)
class SentTo:
    """An agent, a supervisor or a program sends the caller to a queue or a flow."""

    where: "EnterQueue | EnterFlow"
    by: str
    """An agent's number, or the name of an API key."""


@dataclass(frozen=True, slots=True)
class ServiceReplied:
    """An HTTP service has answered, or has failed."""

    answered: ServiceAnswered


@dataclass(frozen=True, slots=True)
class SpeechReported:
    """A result of speech recognition: the caller began to speak, was understood, or was not understood."""

    speech: SpeechInput


Note = LegNote | QueueNote | SentTo | ServiceReplied | SpeechReported
"""Everything that can happen to a call."""


BROKEN_BY = {
    EndCause.NO_AUDIO: Outcome.REFUSED_REQUEST,
    EndCause.HELD: Outcome.MEDIA_LOST,
    EndCause.SILENT: Outcome.MEDIA_LOST,
    EndCause.LOST: Outcome.MEDIA_LOST,
    EndCause.GONE: Outcome.MEDIA_LOST,
    EndCause.TIMER: Outcome.MEDIA_LOST,
}
"""The outcome of a call that was not served, by the cause that ended the caller's session; FAILED for all others."""
ALWAYS = Moment(CalendarState.OPEN, "", "", None)
"""The calendar's answer for a call without a calendar."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a call ends; the first reason wins."""

    outcome: Outcome
    by: EndedBy
    detail: str = ""


class Call:
    """One call over all its legs.

    Its script is one coroutine in one task. Whatever the script takes (legs, trunk capacity, a place in a queue, a
    recording) is registered with `resources`, which gives all of it back in reverse order however the script ends.
    """

    def __init__(self, view: LiveCall, event_log: CallEventLog, settings: CallSettings) -> None:
        self.view = view
        self.settings = settings
        """The settings at the call's arrival; only `renew` changes them."""
        self.mailbox: Mailbox[Note] = Mailbox()
        self.history: list[history.Event] = []
        self.resources = ExitStack()
        self.caller: Leg | None = None
        self.customer: Customer | None = None
        self.language = Language.MANDARIN
        self.moment = ALWAYS
        """The calendar's answer at the call's arrival."""
        self.known: FlowContext | None = None
        """What the flows have found out so far; None before the first flow ends."""
        self.work: WorkId | None = None
        """The callback or message that the call is an attempt at."""
        self.recordings = 0
        self.priority_s = 0.0
        """Priority in the present or the last queue, seconds."""
        self.waited_before_s = 0.0
        """Seconds waited before this call: for a callback, or until a restart cut the caller off."""
        self.answers = 0
        """Questions answered so far."""
        self.ending: Ending | None = None
        self.task: asyncio.Task[None] | None = None
        """The script's task, from its first step on."""
        self._event_log = event_log
        self.playbacks = 0
        """Number of the call's last playback. With it a late end of one playback is not taken for the end of
        another."""

    def the_caller(self) -> Leg:
        """The leg of the caller; RuntimeError while there is none."""
        if self.caller is None:
            raise RuntimeError(f"nobody is on the line of {self.id}")
        return self.caller

    @property
    def id(self) -> CallId:
        """The call's id in all records."""
        return self.view.call_id

    @property
    def rules(self) -> Rules:
        """The rules that hold for this call."""
        return self.settings.rules

    @property
    def prompts(self) -> PromptSet:
        """The prompts and the music for this call."""
        return self.settings.prompts

    def log(self, event: history.Event) -> None:
        """Append an event to the history; the record, the event stream and the live view follow from it."""
        self.history.append(event)
        self.view = self._event_log.append(self.view, len(self.history), event)

    def recognise(self, customer: Customer, by: str, at: float) -> None:
        """The caller is this customer."""
        self.customer = customer
        self.view = recognise(self.view, customer)
        self.log(history.CustomerFound(at, customer.id, by))

    def speak(self, language: Language) -> None:
        """Begin the call in `language`; the caller's choice of another one is an event of the history."""
        self.language = language
        self.view = replace(self.view, language=language.value)

    def next_playback(self) -> int:
        """A number for a playback of this call that no other one has."""
        self.playbacks += 1
        return self.playbacks

    def learnt(self, known: FlowContext) -> None:
        """Keep what an ended flow knows; its playbacks had numbers too."""
        self.known = known
        self.playbacks = max(self.playbacks, known.number)

    def waited_s(self, now: float) -> float:
        """Seconds waited for an agent, in all queues and before this call; since the last talk if there was one.

        A talk does not count if the agent's connection was lost in it: the caller waits on as if there had been none.
        """
        waited_s, spans, is_with_agent = self.waited_before_s, Spans(), False
        before_s: float | None = None
        since = now
        for event in self.history:
            spans.apply(event)
            match event:
                case history.CallConnected(agent=agent):
                    is_with_agent, since, before_s = agent is not None, event.at, None
                case history.Bridged() if is_with_agent:
                    before_s = waited_s + spans.wait_s
                    waited_s, spans = 0.0, Spans()
                case history.PartyLost(whose=Side.AGENT) if before_s is not None:
                    waited_s = before_s + event.at - since
                case _:
                    pass
        spans.close(now)
        return waited_s + spans.wait_s

    @property
    def served_by(self) -> AgentId | None:
        """The agent of the last talk."""
        return served_by(segments_of(self.history))

    @property
    def was_with_somebody(self) -> bool:
        """As `cdr.was_with_somebody`, for this call."""
        return was_with_somebody(self.history)

    @property
    def sent_by(self) -> AgentId | None:
        """The agent from whose talk the caller was sent on to this queue; None when there was no such talk."""
        is_sent = False
        for event in reversed(self.history):
            is_sent = is_sent or isinstance(event, history.Sent)
            if isinstance(event, history.CallConnected):
                return event.agent if is_sent else None
            if isinstance(event, history.QueueLeft | history.CallQueued | history.Returned):
                return None
        return None

    def times_left_by(self, agent: AgentId) -> int:
        """How often this agent answered the caller and was lost before they could talk."""
        return sum(isinstance(event, history.Returned) and event.agent == agent for event in self.history)

    @property
    def has_talked(self) -> bool:
        """Whether both have heard each other since an agent or external party answered last."""
        for event in reversed(self.history):
            if isinstance(event, history.Bridged | history.CallConnected):
                return isinstance(event, history.Bridged)
        return False

    # --- the end ---

    def end(self, outcome: Outcome, by: EndedBy, detail: str = "") -> None:
        """End the call for this reason, unless it is ending for another one already."""
        if self.ending is not None:
            return
        self.ending = Ending(outcome, by, detail)
        if self.task is not None:
            self.task.cancel()

    def notify(self, note: LegNote) -> None:
        """Take a note of a leg: the caller's hang-up ends the call, other notes wait in the mailbox for the script."""
        match note:
            case HungUp(leg=leg, cause=EndCause.BYE) if leg.side is Side.CALLER:
                self.end(self.abandoned(), EndedBy.CALLER, EndCause.BYE.value)
            case HungUp(leg=leg, cause=cause) if leg.side is Side.CALLER:
                self.end(BROKEN_BY.get(cause, Outcome.FAILED), EndedBy.SYSTEM, cause.value)
            case _:
                self.mailbox.post(note)

    def outcome(self, ending: Ending) -> Outcome:
        """The outcome of the call if it ends by `ending`."""
        return outcome_of(self.history, ending.outcome)

    def abandoned(self) -> Outcome:
        """The outcome if the caller hangs up now."""
        return self._achieved(Outcome.ABANDONED_QUEUE, Outcome.ABANDONED_FLOW) or Outcome.ABANDONED_RINGING

    def completed(self) -> Outcome:
        """The outcome if the script ends the call now."""
        return self._achieved(Outcome.SELF_SERVED, Outcome.SELF_SERVED) or Outcome.SELF_SERVED

    def _achieved(self, when_queued: Outcome, when_answered: Outcome) -> Outcome | None:
        return achieved_by(self.history, when_queued, when_answered)
