"""The calls' side of the dispatcher: names their places in the queues and brings its decisions to whom they concern."""

from collections.abc import Callable

from acdcore.calls.call import Call
from acdcore.calls.ports import EndedBy
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.floor import Floor
from acdcore.queues.model import (
    AgentStateChanged,
    Announce,
    CallerJoined,
    CallerLeft,
    Connected,
    Decision,
    EntryId,
    Input,
    InputRefused,
    LeaveCause,
    OfferAccepted,
    Offered,
    OfferEnded,
    OfferId,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    RefusalReason,
    TalkEnded,
)
from acdcore.queues.settings import OfferEnd, ToQueue
from acdcore.queues.view import AgentView, Explanation, FloorView

LEAVE_CAUSES = {
    Outcome.WITHDRAWN: LeaveCause.WITHDRAWN,
    Outcome.SHUTDOWN: LeaveCause.FAILED,
    Outcome.FAILED: LeaveCause.FAILED,
    Outcome.MEDIA_LOST: LeaveCause.FAILED,
}
"""What the end of a call means to the queue it stands in; everything else is the caller's own hang-up."""


class Entry:
    """A call's place in the queues, from joining to the end of the talk."""

    def __init__(self, name: EntryId, acd: "Acd") -> None:
        self.name = name
        self._acd = acd
        self._is_over = False

    def talk_ended(self) -> None:
        """The agent is free of the caller."""
        self._close(TalkEnded(self.name))

    def leave(self, call: Call) -> None:
        """The caller is gone, waiting or talking; without effect when the entry is over already."""
        outcome = call.ending.outcome if call.ending else Outcome.FAILED
        self._close(CallerLeft(self.name, LEAVE_CAUSES.get(outcome, LeaveCause.HUNG_UP)))

    def over(self) -> None:
        """The dispatcher has let the entry go by itself."""
        self._close(None)

    def _close(self, last: Input | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._acd.forget(self)
        if last is not None:
            self._acd.feed(last)


class Acd:
    """The one door to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock) -> None:
        self.on_agent: Callable[[AgentStateChanged], None] = lambda _: None
        """Hears of every change of an agent's state."""
        self._floor = Floor(dispatcher, clock, None, self._decided)
        self._clock = clock
        self._calls: dict[EntryId, tuple[Call, Entry]] = {}
        self._joins = 0
        self._refusal: RefusalReason | None = None

    # --- calls ---

    def join(self, call: Call, queue: QueueName, advance_s: float) -> Entry:
        """Place the call; `Queued` or an overflow follows in its mailbox."""
        self._joins += 1
        entry = Entry(EntryId(f"{call.id}/{self._joins}"), self)
        self._calls[entry.name] = (call, entry)
        self._floor.feed(CallerJoined(entry.name, queue, advance_s, label=call.view.caller))
        return entry

    def forget(self, entry: Entry) -> None:
        """Bring no more decisions to the call."""
        self._calls.pop(entry.name, None)

    def offer_accepted(self, offer: OfferId) -> None:
        """The agent's phone answered."""
        self._floor.feed(OfferAccepted(offer))

    def offer_ended(self, offer: OfferId, cause: OfferEnd) -> None:
        """The agent's phone will not answer."""
        self._floor.feed(OfferEnded(offer, cause))

    # --- agents and operators ---

    def feed(self, fed: Input) -> None:
        """An input that needs no answer."""
        self._floor.feed(fed)

    def ask(self, fed: Input) -> RefusalReason | None:
        """An input, and why it was refused if it was; not to be called from within a decision."""
        self._refusal = None
        self._floor.feed(fed)
        return self._refusal

    def snapshot(self) -> FloorView:
        """The whole floor as it stands."""
        return self._floor.dispatcher.snapshot(self._clock.now())

    def agent(self, agent: AgentId) -> AgentView | None:
        """One agent as the dispatcher sees it; None when it never logged in."""
        return self._floor.dispatcher.agent(agent, self._clock.now())

    def why(self, call: Call) -> Explanation | None:
        """Why the call still waits; None when it does not."""
        for waiting, entry in self._calls.values():
            if waiting is call:
                return self._floor.dispatcher.why(entry.name, self._clock.now())
        return None

    @staticmethod
    def call_id(entry: EntryId) -> CallId:
        """The call that an entry belongs to, also after its end."""
        return CallId(entry.partition("/")[0])

    def close(self) -> None:
        """Disarm the timer."""
        self._floor.close()

    # --- decisions ---

    def _decided(self, decision: Decision) -> None:
        match decision:
            case AgentStateChanged():
                self.on_agent(decision)
            case InputRefused(input=CallerJoined(entry=entry), reason=reason):
                self._refuse_join(entry, reason)
            case InputRefused(reason=reason):
                self._refusal = reason
            case Queued() | Offered() | OfferWithdrawn() | OfferMissed() | Connected() | Overflowed() | Announce():
                found = self._calls.get(decision.entry)
                if found is None:
                    return
                call, place = found
                call.mailbox.post(decision)
                if isinstance(decision, Overflowed) and not isinstance(decision.target, ToQueue):
                    place.over()
            case _:
                pass  # the rest tells the call what it said itself

    def _refuse_join(self, name: EntryId, reason: RefusalReason) -> None:
        call, entry = self._calls[name]
        entry.over()
        call.end(Outcome.FAILED, EndedBy.SYSTEM, f"queue: {reason.value}")
