"""Stays in the queues, written down one by one as they end: what all figures are counted from."""

from collections import deque
from collections.abc import Sequence

from acdcore.calls.model.rows import StayRow
from acdcore.calls.queueing.queue_client import About, Acd
from acdcore.calls.record.event_log import Chronicle
from acdcore.kernel.clock import Clock
from acdcore.queues.decisions import AgentState, Decision, Overflowed
from acdcore.queues.settings import ToQueue
from acdcore.reports.queue_visits import Stay, StayEnd, Stays

UNFINISHED = {StayEnd.WAITING: StayEnd.FAILED, StayEnd.IN_CONTACT: StayEnd.ANSWERED}
"""How stays that the end of the daemon cuts off are written down."""
UNDER_WAY_S = 30.0
"""For so long a stay that is over may not be found in the history yet; the spool delivers within a second or two."""
UNDER_WAY_MAX = 10_000
"""Rows remembered for it: ten times what the largest centre ends in that time."""


class StayKeeper:
    """Hears every decision of the dispatcher."""

    def __init__(self, acd: Acd, chronicle: Chronicle, clock: Clock) -> None:
        self._acd = acd
        self._chronicle = chronicle
        self._clock = clock
        self._stays = Stays()
        self._under_way: deque[tuple[float, StayRow]] = deque(maxlen=UNDER_WAY_MAX)  # oldest first
        acd.on_decision = self.decided

    def decided(self, decision: Decision) -> None:
        """Write down the stay that this decision ended, if it did."""
        for stay in self._stays.fold((decision,), self._clock.now()):
            goes_on = isinstance(decision, Overflowed) and isinstance(decision.target, ToQueue)
            self._write(stay, stay.how, goes_on=goes_on)

    def running(self) -> Sequence[StayRow]:
        """Stays that are not over as they stand, and those just over, which may not have reached the history yet."""
        now = self._clock.now()
        self._forget_delivered(now)
        rows = [row for _, row in self._under_way]
        for stay in self._stays.open(now):
            about = self._acd.about.get(stay.entry)
            if about is not None:
                rows.append(self._row(stay, stay.how, about))
        return rows

    def close(self) -> None:
        """Write down what the end of the daemon cuts off, after the calls have been ended: wrap-ups, and who works."""
        now = self._clock.now()
        for stay in self._stays.open(now):
            self._write(stay, UNFINISHED[stay.how], goes_on=False)
        for agent in self._acd.snapshot().agents:
            if agent.state is not AgentState.LOGGED_OUT:
                self._chronicle.agent_cut_off(agent.agent, now)

    def _write(self, stay: Stay, how: StayEnd, *, goes_on: bool) -> None:
        about = self._acd.about.get(stay.entry)
        if about is None:
            return
        if not goes_on:
            del self._acd.about[stay.entry]
        row = self._row(stay, how, about)
        now = self._clock.now()
        self._forget_delivered(now)
        self._under_way.append((now, row))
        self._chronicle.stay(row)

    def _forget_delivered(self, now: float) -> None:
        while self._under_way and self._under_way[0][0] < now - UNDER_WAY_S:
            self._under_way.popleft()

    def _row(self, stay: Stay, how: StayEnd, about: About) -> StayRow:
        time = self._chronicle.time
        return StayRow(
            entry=stay.entry,
            n=stay.n,
            call_id=about.call,
            queue=stay.queue,
            channel=stay.channel.value,
            joined_at=time.at(stay.joined_at),
            left_at=time.at(stay.left_at),
            how=how.value,
            waited_s=round(stay.waited_s, 3),
            is_in_time=stay.is_in_time,
            agent=stay.agent,
            offers=stay.offers,
            misses=stay.misses,
            talked_s=round(stay.talked_s, 3),
            wrap_up_s=round(stay.wrap_up_s, 3),
            caller=about.caller,
            customer_id=about.customer,
            promised_s=stay.promised_s,
        )
