"""Opening hours: notifies the dispatcher and the callback queue when queues open and close.

The calendar decides, or a supervisor who has forced it. A queue that the settings no longer have counts as closed for
the callback queue: its callbacks and messages wait, with an alarm, until the queue is back or staff end them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from acdcore.calls.model.commands import LiveHours
from acdcore.calls.model.events import OpeningHoursChanged
from acdcore.calls.model.ports import ForcedHours, HoursStore
from acdcore.calls.queueing.callback_scheduler import CallbackScheduler
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.routing_rules import Rules
from acdcore.ivr.calendars.opening_hours import Calendar, Moment
from acdcore.ivr.model.flow import CalendarState
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import QueueName
from acdcore.queues.inputs import HoursChanged

LOOK_AGAIN = timedelta(minutes=1)
"""The calendars are looked at again after this time also without a change ahead: the clock may have been set."""


@dataclass(frozen=True, slots=True)
class CachedMoment:
    """A calendar's answer, kept: to look two weeks ahead takes too long for every call."""

    calendar: Calendar
    """A reload may bring another calendar with the same name."""
    is_forced_open: bool | None
    moment: Moment
    since: datetime
    until: datetime
    """It holds from `since` to before `until`, UTC."""

    def holds(self, calendar: Calendar, is_forced_open: bool | None, wall: datetime) -> bool:
        """Whether the calendar would still give this answer."""
        is_same = self.calendar is calendar and self.is_forced_open == is_forced_open
        return is_same and self.since <= wall < self.until


class OpeningHours:
    """The hours of all queues; one for the daemon. Publishes each calendar whose state has changed."""

    def __init__(
        self, store: HoursStore, acd: Acd, callback_scheduler: CallbackScheduler, bus: EventBus, clock: Clock
    ) -> None:
        self._store = store
        self._acd = acd
        self._callback_scheduler = callback_scheduler
        self._bus = bus
        self._clock = clock
        self._rules: Rules | None = None
        self._in_dispatcher: dict[QueueName, bool] = {}
        """Whether each queue is open for the dispatcher; a queue that is not listed is open."""
        self._in_callback_queue: dict[QueueName, bool] = {}
        """The same for the callback queue, which also knows queues that the settings no longer have."""
        self._known: set[QueueName] = set()
        """Every queue since the start: a call from before a reload may still ask for work in a removed one."""
        self._kept: dict[str, CachedMoment] = {}
        self._states: dict[str, tuple[str, str, str]] = {}
        """State, shift and day of each calendar as they were last seen."""
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, rules: Rules) -> None:
        """Keep the hours of these rules, which name every queue, from now on."""
        self._rules = rules
        self._known |= rules.queues.keys()
        for gone in self._in_dispatcher.keys() - rules.queues.keys():
            del self._in_dispatcher[gone]  # as the dispatcher does when its settings change
        self.look()

    def moment(self, calendar: Calendar) -> Moment:
        """The state of a calendar now; a supervisor's setting goes before the calendar."""
        forced = self._forced(calendar.name)
        is_forced_open = None if forced is None else forced.is_open
        wall = self._clock.wall()
        kept = self._kept.get(calendar.name)
        if kept is not None and kept.holds(calendar, is_forced_open, wall):
            return kept.moment
        moment = calendar.moment(wall, is_forced_open)
        until = min(moment.next_change_at or wall + LOOK_AGAIN, wall + LOOK_AGAIN)
        self._kept[calendar.name] = CachedMoment(calendar, is_forced_open, moment, wall, until)
        return moment

    def look(self) -> None:
        """Notify of everything that has changed, and set the timer for the next look."""
        self.close()
        rules = self._rules
        if rules is None:
            return
        changes: list[datetime] = []
        moments = {name: self.moment(calendar) for name, calendar in rules.calendars.items()}
        for queue, around in rules.queues.items():
            state = moments[around.calendar].state if around.calendar else CalendarState.OPEN
            self._tell(queue, state is CalendarState.OPEN)
        self._strand(rules)
        for name, moment in moments.items():
            shown = (moment.state.value, moment.shift, moment.day)
            if self._states.get(name, shown) != shown:
                self._bus.publish(OpeningHoursChanged(self._live(name, moment, rules)))
            self._states[name] = shown
            changes += [at for at in (moment.next_change_at, self._until(name)) if at is not None]
        wall = self._clock.wall()
        next_at = min([*changes, wall + LOOK_AGAIN])
        delay_s = max(0.0, (next_at - wall).total_seconds())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self.look)

    def live(self) -> tuple[LiveHours, ...]:
        """Every calendar now, by name."""
        if self._rules is None:
            return ()
        calendars: Mapping[str, Calendar] = self._rules.calendars
        return tuple(self._live(name, self.moment(calendars[name]), self._rules) for name in sorted(calendars))

    def close(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, queue: QueueName, is_open: bool) -> None:
        if self._in_dispatcher.get(queue, True) != is_open:
            self._in_dispatcher[queue] = is_open
            self._acd.handle(HoursChanged(queue, is_open))
        self._tell_callback_queue(queue, is_open)

    def _tell_callback_queue(self, queue: QueueName, is_open: bool) -> None:
        if self._in_callback_queue.get(queue, True) != is_open:
            self._in_callback_queue[queue] = is_open
            self._callback_scheduler.hours_changed(queue, is_open)

    def _strand(self, rules: Rules) -> None:
        """Close the queues that the settings no longer have for the callback queue, and report their work."""
        items = self._callback_scheduler.open_by_queue()
        for gone in (self._known | items.keys()) - rules.queues.keys():
            self._tell_callback_queue(gone, False)
        self._callback_scheduler.report_stranded(
            {queue: count for queue, count in items.items() if queue not in rules.queues}
        )

    def _live(self, name: str, moment: Moment, rules: Rules) -> LiveHours:
        forced = self._forced(name)
        return LiveHours(
            calendar=name,
            state=moment.state.value,
            shift=moment.shift,
            day=moment.day,
            until=self._until(name) or moment.next_change_at,
            forced_by=forced.by if forced is not None else None,
            queues=tuple(sorted(queue for queue, around in rules.queues.items() if around.calendar == name)),
        )

    def _forced(self, calendar: str) -> ForcedHours | None:
        wall = self._clock.wall()
        return next(
            (
                forced
                for forced in self._store.forced()
                if forced.calendar == calendar and (forced.until is None or forced.until > wall)
            ),
            None,
        )

    def _until(self, calendar: str) -> datetime | None:
        forced = self._forced(calendar)
        return None if forced is None else forced.until
