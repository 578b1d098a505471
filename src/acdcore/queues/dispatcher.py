"""The only place where agents and waiting callers change: every change is one turn of `Dispatcher.handle`.

A turn changes agents and entries and notes the lines where a match may have become possible. It ends by offering
callers to ready agents there until no pair is left. The rules for races:
- A caller who leaves ends the ringing offer in the same turn; an answer after that is a `LateAccept`.
- An answer that is handled before its ring deadline is handled wins, even when the deadline has passed.
- While a phone rings for a caller, `max_wait_s` and the caller's other deadlines (the next widening step, the end of a
  reservation) do nothing. They apply when the offer fails.
- In a side flow they do nothing either: a caller who pauses ends a ringing offer, and deadlines apply at the return.
- Not ready, log-out, phone down and a call of the agent's own withdraw a ringing offer; that is no miss.
- An `OfferEnded` for an offer that is already over crossed its withdrawal and is ignored.
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
    MAX_ENTRIES,
    MAX_PRIORITY_S,
    MAX_WAITED_S,
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
    DispatcherChanged,
    EntryId,
    HoursChanged,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.live_figures import Metrics
from acdcore.queues.settings import AgentSettings, DispatcherSettings, OfferEnd, validate, validate_agent
from acdcore.queues.state import (
    AnnounceDue,
    BackOffDue,
    DecisionTrace,
    DispatcherState,
    Due,
    LanguageDue,
    RetryDue,
    RingDue,
    StickyDue,
    WaitDue,
    WidenDue,
    WrapUpDue,
)
from acdcore.queues.views import AgentSummary, AgentView, DispatcherView, Evidence, Explanation, QueueView
from acdcore.queues.waiting_line import QueuedCaller


class Dispatcher:
    """Deterministic: the same inputs at the same times give the same decisions.

    Raises ValueError when `settings` do not pass `settings.validate`.
    """

    def __init__(self, settings: DispatcherSettings) -> None:
        problems = validate(settings)
        if problems:
            raise ValueError(f"{problems[0].key}: {problems[0].text}")
        self.metrics = Metrics()
        self._state = DispatcherState(settings)

    def handle(self, event: Input, now: float) -> list[Decision]:
        """One turn; an input that does not fit comes back as `InputRefused` and changes nothing.

        A `now` before the `now` of the last turn counts as that one: the dispatcher's time does not run backwards.
        """
        state = self._state
        state.now = max(now, state.now)
        state.decisions = []
        refusal = self._take(event)
        if refusal is not None:
            state.decisions.append(InputRefused(event, refusal))
        offers.match(state)
        self.metrics.fold(state.decisions)
        return state.decisions

    def handle_traced(
        self, event: Input, now: float, about: Collection[EntryId]
    ) -> tuple[list[Decision], list[Evidence]]:
        """`handle`, with what each choice about these entries was based on; costs more the larger the dispatcher is."""
        trace = DecisionTrace(about)
        self._state.trace = trace
        try:
            return self.handle(event, now), trace.noted
        finally:
            self._state.trace = None

    def handle_deadline(self, now: float) -> list[Decision]:
        """The turn for everything that is due; the same as handling `DeadlinePassed`."""
        return self.handle(DeadlinePassed(), now)

    def next_deadline(self) -> float | None:
        """When `handle_deadline` must be called next, monotonic seconds; None: not before another input."""
        return self._state.deadlines.earliest()

    @property
    def edition(self) -> int:
        """Number of the present settings, for `CallerJoined.edition`."""
        return self._state.lines.edition.number

    def keeps(self, edition: int) -> bool:
        """Whether these settings are still kept, so that a call can join under them."""
        return self._state.lines.under(edition).number == edition

    def is_waiting(self, entry: EntryId) -> bool:
        """Whether the caller waits for an agent; a phone may be ringing for the caller."""
        found = self._state.find(entry)
        return found is not None and found[0].is_waiting

    def snapshot(self, now: float) -> DispatcherView:
        """The whole dispatcher, for displays; the cost grows with its size."""
        return explain.dispatcher_view(self._state, self.metrics, now)

    def queue_names(self) -> tuple[QueueName, ...]:
        """The queues of the present settings, and older ones in which callers still wait."""
        return tuple(self._state.lines.names())

    def queues(self, now: float) -> tuple[QueueView, ...]:
        """Every queue, without the agents."""
        return explain.queue_views(self._state, self.metrics, now)

    def positions(self, now: float) -> dict[EntryId, int]:
        """The position of every waiting caller; 1 is next."""
        return explain.positions(self._state, now)

    def agent_summary(self, agent: AgentId) -> AgentSummary | None:
        """One agent as wallboards show it; None: no such agent is known."""
        found = self._state.roster.get(agent)
        return None if found is None else explain.agent_summary(found, self.metrics)

    def agent(self, agent: AgentId, now: float) -> AgentView | None:
        """One agent, for displays; None: no such agent is known."""
        found = self._state.roster.get(agent)
        return None if found is None else explain.agent_view(found, self.metrics, now)

    def why(self, entry: EntryId, now: float) -> Explanation | None:
        """Why a caller still waits; None: no such caller waits."""
        found = self._state.find(entry)
        if found is None or not found[0].is_waiting:
            return None
        return explain.explanation(self._state, *found, now)

    def _take(self, event: Input) -> RefusalReason | None:
        match event:  # the most frequent ones first
            case DeadlinePassed():
                self._deadline_passed()
                return None
            case CallerJoined():
                return self._caller_joined(event)
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
            case DispatcherChanged(settings=settings):
                return self._settings_changed(settings)
            case HoursChanged(queue=queue, is_open=is_open):
                return self._hours_changed(queue, is_open)
            case AgentRestored():
                return self._agent_restored(event)
            case AgentLoggedIn(settings=who):
                return self._agent_logged_in(who)
            case AgentPhoneUp(agent=agent):
                if self._state.roster.get_or_add(agent, self._state.now) is None:
                    return RefusalReason.DISPATCHER_FULL
                return self._agent_did(agent, AgentEvent.PHONE_UP)
            case WrapUpEnded(agent=agent):
                return self._wrap_up_ended(agent)
            case AgentNotReady(agent=agent, reason=reason):
                return self._agent_did(agent, AgentEvent.WANT_NONE, reason)
            case AgentReady() | AgentLoggedOut() | AgentPhoneDown() | AgentBusy() | AgentIdle():
                return self._agent_did(event.agent, _EVENTS[type(event)])
            case _:
                assert_never(event)

    # ---- callers ------------------------------------------------------------------------------------------------

    def _caller_joined(self, event: CallerJoined) -> RefusalReason | None:
        state = self._state
        edition = state.lines.under(event.edition)
        queue = edition.queues.get(event.queue)
        if queue is None:
            return RefusalReason.UNKNOWN_QUEUE
        if event.entry in state.entries:
            return RefusalReason.DUPLICATE_ENTRY
        if not -MAX_PRIORITY_S <= event.priority_s <= MAX_PRIORITY_S or not 0 <= event.waited_s <= MAX_WAITED_S:
            return RefusalReason.OUT_OF_RANGE
        if len(state.entries) >= MAX_ENTRIES:
            return RefusalReason.DISPATCHER_FULL
        state.entries_made += 1
        asked = (
            replace(event, skills=dict(event.skills)) if event.skills else event
        )  # a copy that nobody else can change
        waiting = QueuedCaller(event.entry, asked, state.now - event.waited_s, state.entries_made)
        waiting.tried_agents = dict.fromkeys(event.tried_agents, state.now + edition.settings.retry_after_miss_s)
        callers.enter(state, waiting, edition, queue)
        return None

    def _caller_left(self, entry: EntryId, cause: LeaveCause) -> RefusalReason | None:
        state = self._state
        found = state.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        if not waiting.is_waiting:
            return self._talk_ended(entry)
        if waiting.offer is not None:
            offers.withdraw(state, waiting.offer, WithdrawCause.CALLER_LEFT)
        callers.depart(state, waiting, line)
        waited_s = state.now - waiting.visit.queued_at
        is_short = cause is LeaveCause.HUNG_UP and waited_s < line.queue.short_abandon_s
        kept = announcements.announced_wait_kept_on_leaving(waiting.visit, state.now)
        state.decisions.append(Departed(entry, line.queue.name, cause, waited_s, is_short, kept))
        return None

    def _caller_paused(self, entry: EntryId) -> RefusalReason | None:
        found = self._state.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        if not waiting.is_waiting or waiting.is_paused:
            return RefusalReason.NOT_IN_THIS_STATE
        if waiting.offer is not None:
            offers.withdraw(self._state, waiting.offer, WithdrawCause.CALLER_PAUSED)
        callers.pause(self._state, waiting, line)
        return None

    def _caller_resumed(self, entry: EntryId) -> RefusalReason | None:
        found = self._state.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        if not found[0].is_paused:
            return RefusalReason.NOT_IN_THIS_STATE
        callers.resume(self._state, *found)
        return None

    def _caller_assigned(self, entry: EntryId, agent_id: AgentId) -> RefusalReason | None:
        found, agent = self._state.find(entry), self._state.roster.get(agent_id)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        waiting, line = found
        if not waiting.is_waiting or waiting.is_paused or agent.state is not AgentState.READY:
            return RefusalReason.NOT_IN_THIS_STATE
        offers.assign(self._state, waiting, line, agent)
        return None

    def _offer_accepted(self, offer_id: OfferId) -> RefusalReason | None:
        offer = self._state.offers.get(offer_id)
        if offer is not None:
            offers.accept_offer(self._state, offer)
        elif offers.is_past(self._state, offer_id):
            self._state.decisions.append(LateAccept(offer_id))
        else:
            return RefusalReason.UNKNOWN_OFFER
        return None

    def _offer_ended(self, offer_id: OfferId, cause: OfferEnd) -> RefusalReason | None:
        offer = self._state.offers.get(offer_id)
        if offer is not None:
            offers.miss_offer(self._state, offer, cause)
        elif not offers.is_past(self._state, offer_id):
            return RefusalReason.UNKNOWN_OFFER
        return None

    def _talk_ended(self, entry: EntryId) -> RefusalReason | None:
        state = self._state
        found = state.find(entry)
        if found is None:
            return RefusalReason.UNKNOWN_ENTRY
        waiting, line = found
        agent = waiting.talking_to
        if agent is None:
            return RefusalReason.NOT_IN_THIS_STATE
        del state.entries[entry]
        talked_s = state.now - waiting.talking_since
        state.decisions.append(TalkFinished(entry, agent.id, line.queue.name, talked_s))
        if line.queue.wrap_up_s > 0 and agent.is_logged_in:
            agent.wrap_up_until = state.now + line.queue.wrap_up_s
            state.deadlines.set(WrapUpDue(agent.id), agent.wrap_up_until)
            offers.apply_agent_event(state, agent, AgentEvent.TALK_OVER)
        else:
            offers.apply_agent_event(state, agent, AgentEvent.CONTACT_OVER)
        return None

    # ---- agents -------------------------------------------------------------------------------------------------

    def _agent_logged_in(self, who: AgentSettings) -> RefusalReason | None:
        state = self._state
        if validate_agent(who):
            return RefusalReason.OUT_OF_RANGE
        agent = state.roster.get_or_add(who.agent, state.now)
        if agent is None:
            return RefusalReason.DISPATCHER_FULL
        unserved = state.roster.change_settings(agent, _copy(who), state.lines)
        offers.apply_agent_event(state, agent, AgentEvent.LOG_IN)
        callers.release_reservations(state, unserved)
        callers.overflow_unserved(state, unserved)
        return None

    def _agent_restored(self, event: AgentRestored) -> RefusalReason | None:
        state = self._state
        if validate_agent(event.settings) or event.answered < 0 or event.idle_for_s < 0 or not 0 <= event.load <= 1:
            return RefusalReason.OUT_OF_RANGE
        agent = state.roster.get_or_add(event.settings.agent, state.now)
        if agent is None:
            return RefusalReason.DISPATCHER_FULL
        if agent.state is not AgentState.LOGGED_OUT:
            return RefusalReason.NOT_IN_THIS_STATE
        state.roster.change_settings(agent, _copy(event.settings), state.lines)
        agent.is_phone_up = agent.is_phone_up or event.is_phone_up
        agent.fairness.answered = event.answered
        agent.fairness.idle_since = state.now - event.idle_for_s
        agent.fairness.load = event.load
        offers.apply_agent_event(
            state, agent, AgentEvent.RESTORE, "" if event.is_ready else event.reason or "logged_in"
        )
        return None

    def _agent_did(self, agent_id: AgentId, event: AgentEvent, reason: str = "") -> RefusalReason | None:
        agent = self._state.roster.get(agent_id)
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        if not agent.is_possible(event):
            return RefusalReason.NOT_IN_THIS_STATE
        offers.apply_agent_event(self._state, agent, event, reason)
        return None

    def _wrap_up_ended(self, agent_id: AgentId) -> RefusalReason | None:
        agent = self._state.roster.get(agent_id)
        if agent is None:
            return RefusalReason.UNKNOWN_AGENT
        if agent.state is not AgentState.WRAP_UP:
            return RefusalReason.NOT_IN_THIS_STATE
        return self._agent_did(agent_id, AgentEvent.CONTACT_OVER)

    # ---- the dispatcher itself --------------------------------------------------------------------------------------

    def _settings_changed(self, settings: DispatcherSettings) -> RefusalReason | None:
        if validate(settings):
            return RefusalReason.SETTINGS_INVALID
        state = self._state
        state.lines.change(settings)
        state.closed &= state.lines.edition.queues.keys()
        for line in list(state.lines):
            state.close_if_idle(line)
        state.open_lines()
        return None

    def _hours_changed(self, queue: QueueName, is_open: bool) -> RefusalReason | None:
        state = self._state
        if queue not in state.lines.edition.queues:
            return RefusalReason.UNKNOWN_QUEUE
        if is_open:
            state.closed.discard(queue)
        else:
            state.closed.add(queue)
        return None

    def _deadline_passed(self) -> None:
        due = self._state.deadlines.pop_due(self._state.now)
        while due is not None:  # ends: a timer that is set again lies in the future, since no period is 0
            self._came_due(due)
            due = self._state.deadlines.pop_due(self._state.now)

    def _came_due(self, due: Due) -> None:
        state = self._state
        match due:  # the most frequent ones first
            case AnnounceDue(entry=entry):
                announcements.announce_position(state, *state.entries[entry])
            case RingDue(offer=offer_id):
                offers.expire_offer(state, state.offers[offer_id])
            case RetryDue(entry=entry):
                callers.retry_agents(state, *state.entries[entry])
            case WrapUpDue(agent=agent_id):
                self._agent_did(agent_id, AgentEvent.CONTACT_OVER)
            case BackOffDue(agent=agent_id):
                self._agent_did(agent_id, AgentEvent.BACK_OFF_OVER)
            case WaitDue(entry=entry) | WidenDue(entry=entry) | StickyDue(entry=entry) | LanguageDue(entry=entry):
                callers.came_due(state, state.entries[entry][0])
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
