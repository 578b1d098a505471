"""Stays in the queues, written down one by one as they end: what all figures are counted from."""

from acdcore.calls.acd import Acd
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.ports import StayRow
from acdcore.kernel.clock import Clock
from acdcore.queues.model import Decision, Overflowed
from acdcore.queues.settings import ToQueue
from acdcore.queues.stays import Stay, StayEnd, Stays

UNFINISHED = {StayEnd.WAITING: StayEnd.FAILED, StayEnd.IN_CONTACT: StayEnd.ANSWERED}
"""How stays that the end of the daemon cuts off are written down."""


class StayKeeper:
    """Hears every decision of the dispatcher."""

    def __init__(self, acd: Acd, chronicle: Chronicle, clock: Clock) -> None:
        self._acd = acd
        self._chronicle = chronicle
        self._clock = clock
        self._stays = Stays()
        acd.on_decision = self.decided

    def decided(self, decision: Decision) -> None:
        """Write down the stay that this decision ended, if it did."""
        for stay in self._stays.fold((decision,), self._clock.now()):
            goes_on = isinstance(decision, Overflowed) and isinstance(decision.target, ToQueue)
            self._write(stay, stay.how, goes_on=goes_on)

    def close(self) -> None:
        """Write down what is still open: wrap-ups, after the calls have been ended."""
        for stay in self._stays.open(self._clock.now()):
            self._write(stay, UNFINISHED[stay.how], goes_on=False)

    def _write(self, stay: Stay, how: StayEnd, *, goes_on: bool) -> None:
        about = self._acd.about.get(stay.entry)
        if about is None:
            return
        if not goes_on:
            del self._acd.about[stay.entry]
        time = self._chronicle.time
        self._chronicle.stay(
            StayRow(
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
        )
