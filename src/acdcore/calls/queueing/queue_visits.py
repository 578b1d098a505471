"""Queue visits, written one by one as they end; all figures are counted from them."""

from collections import deque
from collections.abc import Sequence

from acdcore.calls.model.rows import QueueVisitRow
from acdcore.calls.queueing.queue_client import Acd, EntrySubject
from acdcore.calls.record.event_log import CallEventLog
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.queues.decisions import AgentState, Decision, Overflowed
from acdcore.queues.settings import ToQueue
from acdcore.reports.queue_visits import FOLDED, QueueVisit, QueueVisitEnd, QueueVisitFold

UNFINISHED = {QueueVisitEnd.WAITING: QueueVisitEnd.FAILED, QueueVisitEnd.IN_CONTACT: QueueVisitEnd.ANSWERED}
"""How a visit ends that is cut off by the end of the daemon."""
UNDELIVERED_S = 30.0
"""Seconds in which an ended visit may not be in the database yet; the spool delivers within a second or two."""
UNDELIVERED_MAX = 10_000
"""Rows kept for that: ten times as many as end in that time in the largest call centre."""


class QueueVisitRecorder:
    """Hears the decisions that visits are folded from."""

    def __init__(self, acd: Acd, event_log: CallEventLog, bus: EventBus, clock: Clock) -> None:
        self._acd = acd
        self._event_log = event_log
        self._clock = clock
        self._visits = QueueVisitFold()
        self._undelivered: deque[tuple[float, QueueVisitRow]] = deque(maxlen=UNDELIVERED_MAX)  # oldest first
        for kind in FOLDED:
            bus.subscribe(kind, self._decided)

    def _decided(self, decision: Decision) -> None:
        """Write the row of the visit that this decision ended, if it ended one."""
        visit = self._visits.step(decision, self._clock.now())
        if visit is not None:
            goes_on = isinstance(decision, Overflowed) and isinstance(decision.target, ToQueue)
            self._write(visit, visit.how, goes_on=goes_on)

    def running(self) -> Sequence[QueueVisitRow]:
        """Visits that are not over, as they stand, and those just ended, which may not be in the database yet."""
        now = self._clock.now()
        self._forget_delivered(now)
        rows = [row for _, row in self._undelivered]
        for visit in self._visits.open(now):
            about = self._acd.subjects.get(visit.entry)
            if about is not None:
                rows.append(self._row(visit, visit.how, about))
        return rows

    def close(self) -> None:
        """Write the visits that the end of the daemon cuts off, and log out all agents; after the calls have ended."""
        now = self._clock.now()
        for visit in self._visits.open(now):
            self._write(visit, UNFINISHED[visit.how], goes_on=False)
        for agent in self._acd.snapshot().agents:
            if agent.state is not AgentState.LOGGED_OUT:
                self._event_log.agent_cut_off(agent.agent, now)

    def _write(self, visit: QueueVisit, how: QueueVisitEnd, *, goes_on: bool) -> None:
        about = self._acd.subjects.get(visit.entry)
        if about is None:
            return
        if not goes_on:
            del self._acd.subjects[visit.entry]
        row = self._row(visit, how, about)
        now = self._clock.now()
        self._forget_delivered(now)
        self._undelivered.append((now, row))
        self._event_log.queue_visit(row)

    def _forget_delivered(self, now: float) -> None:
        while self._undelivered and self._undelivered[0][0] < now - UNDELIVERED_S:
            self._undelivered.popleft()

    def _row(self, visit: QueueVisit, how: QueueVisitEnd, about: EntrySubject) -> QueueVisitRow:
        time = self._event_log.time
        return QueueVisitRow(
            entry=visit.entry,
            n=visit.n,
            call_id=about.call,
            queue=visit.queue,
            channel=visit.channel.value,
            joined_at=time.at(visit.joined_at),
            left_at=time.at(visit.left_at),
            how=how.value,
            waited_s=round(visit.waited_s, 3),
            is_in_time=visit.is_in_time,
            agent=visit.agent,
            offers=visit.offers,
            misses=visit.misses,
            talked_s=round(visit.talked_s, 3),
            wrap_up_s=round(visit.wrap_up_s, 3),
            caller=about.caller,
            customer_id=about.customer,
            announced_wait_s=visit.announced_wait_s,
        )
