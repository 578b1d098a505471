"""The one writer of the floor: every change of an agent or a waiting caller is a turn of `Dispatcher.handle`.

A turn changes agents and entries, notes the lines where a match may have become possible, and ends by offering callers
to ready agents there until no pair is left. The rules for races:
- A caller who leaves takes the ringing offer along in the same turn; an answer after that is a `LateAccept`.
- An answer that is handled before its ring deadline is, wins, even when the deadline has passed by then.
- A ringing offer outlasts `max_wait_s`: who is rung for at that moment overflows only when the offer fails. So does
  it outlast the caller's other deadlines (the next ring, the end of the hold for one agent).
- A side flow outlasts them too: a caller who pauses gives up a ringing offer, and no deadline acts until the return.
- Not ready, log-out, phone down and a call of the agent's own withdraw a ringing offer, and are no miss.
- News of an offer that is over (`OfferEnded`) crossed its withdrawal and means nothing.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import assert_never

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues import announcements, callers, explain, offers
from acdcore.queues.agent import AgentEvent
from acdcore.queues.decisions import (
    AgentState,
    Decision,
    Departed,
    InputRefused,
    LateAccept,
    RefusalReason,
    TalkFinished,
    WithdrawCause,
)
from acdcore.queues.inputs import (
    MAX_ADVANCE_S,
    MAX_ENTRIES,
    MAX_WAITED_S,
    MAX_WRAP_UP_S,
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    CallerAssigned,
    CallerJoined,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    DeadlinePassed,
    EntryId,
    FloorChanged,
    HoursChanged,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
    WrapUpExtended,
)
from acdcore.queues.live_figures import Metrics
from acdcore.queues.settings import AgentSettings, FloorSettings, OfferEnd, validate, validate_agent
from acdcore.queues.state import (
    AnnounceDue,
    BackOffDue,
    Board,
    Due,
    HoldDue,
    LanguageDue,
    RelaxDue,
    RingDue,
    StickyDue,
    WaitDue,
    Witness,
    WrapUpDue,
)
from acdcore.queues.views import AgentGlance, AgentView, Explanation, FloorView, Grounds, QueueView
from acdcore.queues.waiting_line import Waiting


class Dispatcher:
    """Deterministic: the same inputs at the same times give the same decisions.

    Raises ValueError when `settings` do not pass `settings.validate`.
    """

    def __init__(self, settings: FloorSettings) -> None:
        problems = validate(settings)
        if problems:
            raise ValueError(f"{problems[0].key}: {problems[0].text}")
        self.metrics = Metrics()
        self._board = Board(settings)

    def handle(self, fed: Input, now: float) -> list[Decision]:
        """One turn; what does not fit comes back as `InputRefused` and changes nothing.

        A `now` before that of the last turn counts as that one: time does not run backwards on a floor.
        """
        board = self._board
        board.now = max(now, board.now)
        board.out = []
        refusal = self._take(fed)
        if refusal is not None:
            board.out.append(InputRefused(fed, refusal))
        offers.match(board)
        self.metrics.fold(board.out)
        return board.out

    def handle_witnessed(
        self, fed: Input, now: float, about: Collection[EntryId]
    ) -> tuple[list[Decision], list[Grounds]]:
        """`handle`, and what each choice about these entries was made from: costs as much as the floor is large."""
        witness = Witness(about)
        self._board.witness = witness
        try:
            return self.handle(fed, now), witness.noted
        finally:
            self._board.witness = None

    def handle_deadline(self, now: float) -> list[Decision]:
        """The turn of everything that is due; the same as handling `DeadlinePassed`."""
        return self.handle(DeadlinePassed(), now)

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called next; None: not before another input."""
        return self._board.deadlines.earliest()

    @property
    def edition(self) -> int:
        """Number of the settings that hold now, for `CallerJoined.edition`."""
        return self._board.lines.edition.number

    def keeps(self, edition: int) -> bool:
        """Whether a call can join under these settings still."""
        return self._board.lines.under(edition).number == edition

    def is_waiting(self, entry: EntryId) -> bool:
        """Whether the caller waits for an agent, a phone ringing or not."""
        found = self._board.find(entry)
        return found is not None and found[0].is_waiting

    def snapshot(self, now: float) -> FloorView:
        """The whole floor, for displays: costs as much as the floor is large."""
        return explain.floor_view(self._board, self.metrics, now)

    def queue_names(self) -> tuple[QueueName, ...]:
        """The queues of the present settings, and older ones in which somebody still waits."""
        return tuple(self._board.lines.names())

    def queues(self, now: float) -> tuple[QueueView, ...]:
        """Every queue, without the agents."""
        return explain.queue_views(self._board, self.metrics, now)

    def positions(self, now: float) -> dict[EntryId, int]:
        """The place of everybody who waits, 1 being next."""
        return explain.positions(self._board, now)

    def glance(self, agent: AgentId) -> AgentGlance | None:
        """One agent as boards show it; None when no agent of that number was ever heard of."""
        found = self._board.roster.get(agent)
        return None if found is None else explain.glance(found, self.metrics)

    def agent(self, agent: AgentId, now: float) -> AgentView | None:
        """One agent, for displays; None when no agent of that number was ever heard of."""
        found = self._board.roster.get(agent)
        return None if found is None else explain.agent_view(found, self.metrics, now)

    def why(self, entry: EntryId, now: float) -> Explanation | None:
        """Why a caller still waits; None when no such caller waits."""
        found = self._board.find(entry)
        if found is None or not found[0].is_waiting:
            return None
        return explain.explanation(self._board, *found, now)

    def _take(self, fed: Input) -> RefusalReason | None:
        match fed:  # the most frequent ones first
            case DeadlinePassed():
                self._deadline_passed()
                return None
            case CallerJoined():
                return self._caller_joined(fed)
            case CallerLeft(entry=entry, cause=cause):
                return self._caller_left(entry, cause)
            case OfferAccepted(offer=offer_id):
                return self._offer_accepted(offer_id)
            case OfferEnded(offer=offer_id, cause=end):
                return self._offer_ended(offer_id, end)
            case TalkEnded(entry=entry):
                return self._talk_ended(entry)
            case CallerPaused(entry=entry):
                return self._caller_paused(entry)
            case CallerResumed(entry=entry):
                return self._caller_resumed(entry)
            case CallerAssigned(entry=entry, agent=agent):
                return self._caller_assigned(entry, agent)
            case FloorChanged(settings=settings):
                return self._floor_changed(settings)
            case HoursChanged(queue=queue, is_open=is_open):
                return self._hours_changed(queue, is_open)
            case AgentRestored():
                return self._agent_restored(fed)
            case AgentLoggedIn(settings=who):
                return self._agent_logged_in(who)
            case AgentPhoneUp(agent=agent):
                if self._board.roster.get_or_add(agent, self._board.now) is None:
                    return RefusalReason.FLOOR_FULL
                return self._agent_did(agent, AgentEvent.PHONE_UP)
            case WrapUpEnded(agent=agent):
                return self._wrap_up_ended(agent)
            case WrapUpExtended(agent=agent, extra_s=extra_s):
                return self._wrap_up_extended(agent, extra_s)
            case AgentNotReady(agent=agent, reason=reason):
                return self._agent_did(agent, AgentEvent.WANT_NONE, reason)
            case AgentReady() | AgentLoggedOut() | AgentPhoneDown() | AgentBusy() | AgentIdle():
                return self._agent_did(fed.agent, _EVENTS[type(fed)])
            case _:
                assert_never(fed)

    # ---- callers ------------------------------------------------------------------------------------------------

    def _caller_joined(self, fed: CallerJoined) -> RefusalReason | None:
        board = self._board
        edition = board.lines.under(fed.edition)
        queue = edition.queues.get(fed.queue)
        if queue is None:
            return RefusalReason.UNKNOWN_QUEUE
        if fed.entry in board.entries:
            return RefusalReason.DUPLICATE_ENTRY
        if not -MAX_ADVANCE_S <= fed.advance_s <= MAX_ADVANCE_S or not 0 <= fed.waited_s <= MAX_WAITED_S:
            return RefusalReason.OUT_OF_RANGE
        if len(board.entries) >= MAX_ENTRIES:
            return RefusalReason.FLOOR_FULL
        board.entries_made += 1
        asked = replace(fed, skills=dict(fed.skills)) if fed.skills else fed  # what is kept, nobody changes
        waiting = Waiting(fed.entry, asked, board.now - fed.waited_s, board.entries_made)
        waiting.tried = dict.fromkeys(fed.tried, board.now + edition.settings.tried_hold_s)
        callers.enter(board, waiting, edition, queue)
        return None

    def _caller_left(self, entry: EntryId, cause: LeaveCause) -> RefusalReason | None:
        board = self._board
        found = board.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        if not waiting.is_waiting:
            return self._talk_ended(entry)
        if waiting.offer is not None:
            offers.caller_gone(board, waiting.offer, WithdrawCause.CALLER_LEFT)
        callers.depart(board, waiting, line)
        waited_s = board.now - waiting.visit.queued_at
        is_short = cause is LeaveCause.HUNG_UP and waited_s < line.queue.short_abandon_s
        kept = announcements.kept_by_leaving(waiting.visit, board.now)
        board.out.append(Departed(entry, line.queue.name, cause, waited_s, is_short, kept))
        return None

    def _caller_paused(self, entry: EntryId) -> RefusalReason | None:
        found = self._board.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        if not waiting.is_waiting or waiting.is_paused:
            return RefusalReason.NOT_IN_THIS_STATE
        if waiting.offer is not None:
            offers.caller_gone(self._board, waiting.offer, WithdrawCause.CALLER_PAUSED)
        callers.pause(self._board, waiting, line)
        return None

    def _caller_resumed(self, entry: EntryId) -> RefusalReason | None:
        found = self._board.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        if not found[0].is_paused:
            return RefusalReason.NOT_IN_THIS_STATE
        callers.resume(self._board, *found)
        return None

    def _caller_assigned(self, entry: EntryId, agent_id: AgentId) -> RefusalReason | None:
        found, agent = self._board.find(entry), self._board.roster.get(agent_id)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        waiting, line = found
        if not waiting.is_waiting or waiting.is_paused or agent.state is not AgentState.READY:
            return RefusalReason.NOT_IN_THIS_STATE
        offers.assign(self._board, waiting, line, agent)
        return None

    def _offer_accepted(self, offer_id: OfferId) -> RefusalReason | None:
        offer = self._board.offers.get(offer_id)
        if offer is not None:
            offers.accept(self._board, offer)
        elif offers.is_past(self._board, offer_id):
            self._board.out.append(LateAccept(offer_id))
        else:
            return RefusalReason.UNKNOWN_OFFER
        return None

    def _offer_ended(self, offer_id: OfferId, cause: OfferEnd) -> RefusalReason | None:
        offer = self._board.offers.get(offer_id)
        if offer is not None:
            offers.miss(self._board, offer, cause)
        elif not offers.is_past(self._board, offer_id):
            return RefusalReason.UNKNOWN_OFFER
        return None

    def _talk_ended(self, entry: EntryId) -> RefusalReason | None:
        board = self._board
        found = board.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        agent = waiting.talking_to
        if agent is None:
            return RefusalReason.NOT_IN_THIS_STATE
        del board.entries[entry]
        talked_s = board.now - waiting.talking_since
        board.out.append(TalkFinished(entry, agent.id, line.queue.name, talked_s))
        if line.queue.wrap_up_s > 0 and agent.is_logged_in:
            agent.wrap_up_until = board.now + line.queue.wrap_up_s
            board.deadlines.set(WrapUpDue(agent.id), agent.wrap_up_until)
            offers.agent_did(board, agent, AgentEvent.TALK_OVER)
        else:
            offers.agent_did(board, agent, AgentEvent.CONTACT_OVER)
        return None

    # ---- agents -------------------------------------------------------------------------------------------------

    def _agent_logged_in(self, who: AgentSettings) -> RefusalReason | None:
        board = self._board
        if validate_agent(who):
            return RefusalReason.OUT_OF_RANGE
        agent = board.roster.get_or_add(who.agent, board.now)
        if agent is None:
            return RefusalReason.FLOOR_FULL
        unserved = board.roster.reseat(agent, _copy(who), board.lines)
        offers.agent_did(board, agent, AgentEvent.LOG_IN)
        callers.release(board, unserved)
        callers.send_on(board, unserved)
        return None

    def _agent_restored(self, fed: AgentRestored) -> RefusalReason | None:
        board = self._board
        if validate_agent(fed.settings) or fed.answered < 0 or fed.idle_for_s < 0 or not 0 <= fed.load <= 1:
            return RefusalReason.OUT_OF_RANGE
        agent = board.roster.get_or_add(fed.settings.agent, board.now)
        if agent is None:
            return RefusalReason.FLOOR_FULL
        if agent.state is not AgentState.LOGGED_OUT:
            return RefusalReason.NOT_IN_THIS_STATE
        board.roster.reseat(agent, _copy(fed.settings), board.lines)
        agent.is_phone_up = agent.is_phone_up or fed.is_phone_up
        agent.fairness.answered = fed.answered
        agent.fairness.idle_since = board.now - fed.idle_for_s
        agent.fairness.load = fed.load
        offers.agent_did(board, agent, AgentEvent.RESTORE, "" if fed.is_ready else fed.reason or "logged_in")
        return None

    def _agent_did(self, agent_id: AgentId, event: AgentEvent, reason: str = "") -> RefusalReason | None:
        agent = self._board.roster.get(agent_id)
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        if not agent.is_possible(event):
            return RefusalReason.NOT_IN_THIS_STATE
        offers.agent_did(self._board, agent, event, reason)
        return None

    def _wrap_up_ended(self, agent_id: AgentId) -> RefusalReason | None:
        agent = self._board.roster.get(agent_id)
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        if agent.state is not AgentState.WRAP_UP:
            return RefusalReason.NOT_IN_THIS_STATE
        return self._agent_did(agent_id, AgentEvent.CONTACT_OVER)

    def _wrap_up_extended(self, agent_id: AgentId, extra_s: float) -> RefusalReason | None:
        agent = self._board.roster.get(agent_id)
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        if agent.state is not AgentState.WRAP_UP:
            return RefusalReason.NOT_IN_THIS_STATE
        if not 0 < extra_s <= MAX_WRAP_UP_S:
            return RefusalReason.OUT_OF_RANGE
        agent.wrap_up_until = min(agent.wrap_up_until + extra_s, agent.since + MAX_WRAP_UP_S)
        self._board.deadlines.set(WrapUpDue(agent_id), agent.wrap_up_until)
        return None

    # ---- the floor itself ---------------------------------------------------------------------------------------

    def _floor_changed(self, settings: FloorSettings) -> RefusalReason | None:
        if validate(settings):
            return RefusalReason.SETTINGS_INVALID
        board = self._board
        board.lines.change(settings)
        board.closed &= board.lines.edition.queues.keys()
        for line in list(board.lines):
            board.close_if_idle(line)
        board.open_lines()
        return None

    def _hours_changed(self, queue: QueueName, is_open: bool) -> RefusalReason | None:
        board = self._board
        if queue not in board.lines.edition.queues:
            return RefusalReason.UNKNOWN_QUEUE
        if is_open:
            board.closed.discard(queue)
        else:
            board.closed.add(queue)
        return None

    def _deadline_passed(self) -> None:
        due = self._board.deadlines.pop_due(self._board.now)
        while due is not None:  # ends: whatever is armed again lies ahead, since no period is 0
            self._came_due(due)
            due = self._board.deadlines.pop_due(self._board.now)

    def _came_due(self, due: Due) -> None:
        board = self._board
        match due:  # the most frequent ones first
            case AnnounceDue(entry=entry):
                announcements.announce(board, *board.entries[entry])
            case RingDue(offer=offer_id):
                offers.expire(board, board.offers[offer_id])
            case HoldDue(entry=entry):
                callers.hold_over(board, *board.entries[entry])
            case WrapUpDue(agent=agent_id):
                self._agent_did(agent_id, AgentEvent.CONTACT_OVER)
            case BackOffDue(agent=agent_id):
                self._agent_did(agent_id, AgentEvent.BACK_OFF_OVER)
            case WaitDue(entry=entry) | RelaxDue(entry=entry) | StickyDue(entry=entry) | LanguageDue(entry=entry):
                callers.came_due(board, board.entries[entry][0])
            case _:
                assert_never(due)


def _copy(who: AgentSettings) -> AgentSettings:
    return replace(who, skills=dict(who.skills), channels=dict(who.channels))


_EVENTS = {
    AgentReady: AgentEvent.WANT_CALLS,
    AgentLoggedOut: AgentEvent.LOG_OUT,
    AgentPhoneDown: AgentEvent.PHONE_DOWN,
    AgentBusy: AgentEvent.OWN_CALL,
    AgentIdle: AgentEvent.OWN_CALL_OVER,
}
