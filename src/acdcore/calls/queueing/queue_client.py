"""The calls' side of the dispatcher: places calls in the queues and brings its decisions to calls and agents."""

from dataclasses import dataclass

from acdcore.calls.core.call import Call, QueueNote
from acdcore.calls.model.rows import EndedBy
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId
from acdcore.queues.decisions import (
    AgentStateChanged,
    Decision,
    Departed,
    InputRefused,
    LateAccept,
    Overflowed,
    RefusalReason,
    TalkFinished,
)
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.driver import DispatcherDriver, Journal
from acdcore.queues.inputs import (
    CallerAssigned,
    CallerJoined,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    EntryId,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
)
from acdcore.queues.settings import OfferEnd, ToQueue
from acdcore.queues.views import AgentSummary, AgentView, DispatcherView, Explanation, QueueView

LEAVE_CAUSES = {
    Outcome.WITHDRAWN: LeaveCause.WITHDRAWN,
    Outcome.CALLBACK: LeaveCause.CALLBACK,
    Outcome.SHUTDOWN: LeaveCause.FAILED,
    Outcome.FAILED: LeaveCause.FAILED,
    Outcome.MEDIA_LOST: LeaveCause.FAILED,
}
"""How the dispatcher counts the end of a waiting call; all other outcomes are a hang-up of the caller."""


@dataclass(frozen=True, slots=True)
class EntrySubject:
    """Call and customer of an entry, for the figures that are written after the call has ended."""

    call: CallId
    caller: str
    customer: CustomerId | None


class Entry:
    """A call's place in the queues, from joining to the end of the talk."""

    def __init__(self, joined: CallerJoined, acd: "Acd") -> None:
        self.name = joined.entry
        self.priority_s = joined.priority_s
        self.is_over = False
        """Whether the entry has ended for the dispatcher."""
        self._acd = acd

    def talk_ended(self) -> None:
        """The talk of the entry has ended."""
        self._close(TalkEnded(self.name))

    def leave(self, cause: LeaveCause) -> None:
        """The caller leaves the queue, or the talk; without effect when the entry is over already."""
        self._close(CallerLeft(self.name, cause))

    def abandon(self, call: Call) -> None:
        """The call has ended, in the queue or in a talk; its ending gives the cause."""
        outcome = call.ending.outcome if call.ending else Outcome.FAILED
        self.leave(LEAVE_CAUSES.get(outcome, LeaveCause.HUNG_UP))

    def pause(self) -> bool:
        """Keep the place without offers; False when a rule has taken the caller out of the queue already."""
        if self.is_over:
            return False
        self._acd.handle(CallerPaused(self.name))
        return True

    def resume(self) -> None:
        """Wait on at the same place."""
        self._acd.handle(CallerResumed(self.name))

    def _close(self, last: Input) -> None:
        if not self.is_over:
            self.is_over = True
            self._acd.handle(last)


class Acd:
    """The only way to the dispatcher. Each decision is published on the event bus as it is."""

    def __init__(self, dispatcher: Dispatcher, bus: EventBus, clock: Clock, journal: Journal | None = None) -> None:
        self.subjects: dict[EntryId, EntrySubject] = {}
        """Entries whose visit has no row yet; `QueueVisitRecorder` removes them when it writes the row."""
        self._driver = DispatcherDriver(dispatcher, clock, journal, self._decided)
        self._bus = bus
        self._clock = clock
        self._calls: dict[EntryId, tuple[Call, Entry]] = {}
        self._joins = 0
        self._refusal: RefusalReason | None = None

    # --- calls ---

    def name(self, call: Call) -> EntryId:
        """A unique id for the call's next entry."""
        self._joins += 1
        return EntryId(f"{call.id}/{self._joins}")

    def join(self, call: Call, joined: CallerJoined) -> Entry:
        """Place the call in a queue; `Queued` or an overflow follows in its mailbox."""
        entry = Entry(joined, self)
        self._calls[entry.name] = (call, entry)
        self.subjects[entry.name] = EntrySubject(call.id, call.view.caller, call.view.customer_id)
        self._driver.handle(joined)
        return entry

    def assign(self, call: Call, agent: AgentId) -> RefusalReason | None:
        """Offer the waiting call to this agent, as staff ask; the reason of a refusal, None when it is offered."""
        entry = self.entry_of(call)
        return RefusalReason.UNKNOWN_ENTRY if entry is None else self.ask(CallerAssigned(entry.name, agent))

    def entry_of(self, call: Call) -> Entry | None:
        """The place of a call, if it has one."""
        return next((entry for whose, entry in self._calls.values() if whose is call), None)

    def leave_unrecorded(self, call: Call) -> None:
        """Write no row for the present visit: the daemon stops, and the next start begins the visit again."""
        entry = self.entry_of(call)
        if entry is not None:
            self.subjects.pop(entry.name, None)

    def offer_accepted(self, offer: OfferId) -> None:
        """The agent's phone answered."""
        self._driver.handle(OfferAccepted(offer))

    def offer_ended(self, offer: OfferId, cause: OfferEnd) -> None:
        """The agent's phone will not answer."""
        self._driver.handle(OfferEnded(offer, cause))

    # --- agents and operators ---

    def handle(self, event: Input) -> None:
        """Give the dispatcher an input whose refusal does not matter."""
        self._driver.handle(event)

    def ask(self, event: Input) -> RefusalReason | None:
        """Give the dispatcher an input; the reason of a refusal or None. Not to be called from within a decision."""
        self._refusal = None
        self._driver.handle(event)
        return self._refusal

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher, for reading its figures."""
        return self._driver.dispatcher

    def snapshot(self) -> DispatcherView:
        """The dispatcher's whole state now."""
        return self._driver.dispatcher.snapshot(self._clock.now())

    def queues(self) -> tuple[QueueView, ...]:
        """The state of every queue now."""
        return self._driver.dispatcher.queues(self._clock.now())

    def positions(self) -> dict[CallId, int]:
        """The place of every call that waits, 1 being next."""
        places = self._driver.dispatcher.positions(self._clock.now())
        return {self.call_id(entry): position for entry, position in places.items()}

    def glance(self, agent: AgentId) -> AgentSummary | None:
        """One agent in short, as boards show it; None when the agent never logged in."""
        return self._driver.dispatcher.agent_summary(agent)

    def agent(self, agent: AgentId) -> AgentView | None:
        """One agent in full; None when the agent never logged in."""
        return self._driver.dispatcher.agent(agent, self._clock.now())

    def why(self, call: Call) -> Explanation | None:
        """Why the call still waits; None when it does not."""
        entry = self.entry_of(call)
        return None if entry is None else self._driver.dispatcher.why(entry.name, self._clock.now())

    @staticmethod
    def call_id(entry: EntryId) -> CallId:
        """The call that an entry belongs to, also after its end."""
        return CallId(entry.partition("/")[0])

    def close(self) -> None:
        """Disarm the timer."""
        self._driver.close()

    # --- decisions ---

    def _decided(self, decision: Decision) -> None:
        self._bus.publish(decision)
        match decision:
            case AgentStateChanged():
                pass  # concerns no call
            case InputRefused(input=CallerJoined(entry=entry), reason=reason):
                self._refuse_join(entry, reason)
            case InputRefused(reason=reason):
                self._refusal = reason
            case Departed(entry=entry) | TalkFinished(entry=entry):
                self._forget(entry)
            case LateAccept():
                pass  # the phone was hung up already
            case _:
                self._tell(decision)

    def _tell(self, decision: QueueNote) -> None:
        found = self._calls.get(decision.entry)
        if found is None:
            return
        found[0].mailbox.post(decision)
        if isinstance(decision, Overflowed) and not isinstance(decision.target, ToQueue):
            self._forget(decision.entry)

    def _forget(self, name: EntryId) -> None:
        """The dispatcher has dropped the entry: bring no more decisions to its call."""
        found = self._calls.pop(name, None)
        if found is not None:
            found[1].is_over = True

    def _refuse_join(self, name: EntryId, reason: RefusalReason) -> None:
        call, _ = self._calls[name]
        self._forget(name)
        del self.subjects[name]
        call.end(Outcome.FAILED, EndedBy.SYSTEM, f"queue: {reason.value}")
