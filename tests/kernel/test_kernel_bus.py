"""The event bus: one event at a time, in order, to everybody, whatever a handler does."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import EVENT_HANDLER, fault_reporter
from acdcore.kernel.bus import DEPTH_MAX, PENDING_MAX, EventBus, EventCircle, HandlerFault, Unsubscribe


@dataclass(frozen=True, slots=True)
class Rang:
    n: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    n: int = 0


@dataclass(frozen=True, slots=True)
class AnsweredLate(Answered):
    pass


class Ledger:
    """A bus, what its handlers heard, and what was reported."""

    def __init__(self) -> None:
        self.reported: list[HandlerFault] = []
        self.bus = EventBus(self.reported.append)
        self.heard: list[tuple[str, object]] = []

    def hear(self, name: str, kind: type[object]) -> Unsubscribe:
        """Subscribe a handler that notes what it hears."""
        return self.bus.subscribe(kind, lambda event: self.heard.append((name, event)))


def fail(event: Rang) -> None:
    """A handler with a fault."""
    raise ValueError("one of ours")


# --- order ---


def test_handlers_hear_an_event_in_the_order_in_which_they_subscribed() -> None:
    ledger = Ledger()
    for name in "abc":
        ledger.hear(name, Rang)
    ledger.bus.publish(Rang(1))
    ledger.bus.publish(Rang(2))
    assert ledger.heard == [(name, Rang(n)) for n in (1, 2) for name in "abc"]


def test_class_of_an_event_decides_who_hears_it_and_its_base_does_not() -> None:
    ledger = Ledger()
    ledger.hear("rang", Rang)
    ledger.hear("answered", Answered)
    ledger.bus.publish(AnsweredLate(1))
    ledger.bus.publish(Answered(2))
    assert ledger.heard == [("answered", Answered(2))]


def test_event_that_nobody_hears_is_delivered_to_nobody() -> None:
    ledger = Ledger()
    ledger.bus.publish(Rang())
    assert (ledger.heard, ledger.reported, len(ledger.bus)) == ([], [], 0)


def test_what_a_handler_publishes_comes_after_the_event_that_it_handles_and_never_within() -> None:
    ledger = Ledger()
    depth = 0

    def answer(event: Rang) -> None:
        nonlocal depth
        depth += 1
        assert depth == 1, "entered twice"
        if event.n == 0:
            ledger.bus.publish(Answered(1))
            ledger.bus.publish(Rang(2))
            assert ledger.heard == [], "publish from a handler comes back at once"
        depth -= 1

    ledger.bus.subscribe(Rang, answer)
    ledger.hear("rang", Rang)
    ledger.hear("answered", Answered)
    ledger.bus.publish(Rang(0))
    assert ledger.heard == [("rang", Rang(0)), ("answered", Answered(1)), ("rang", Rang(2))]
    assert ledger.reported == []


# --- subscribing and unsubscribing ---


def test_handler_that_subscribes_during_a_delivery_hears_the_next_event_first() -> None:
    ledger = Ledger()

    def invite(event: Rang) -> None:
        if event.n == 1:
            ledger.hear("late", Rang)
            ledger.bus.publish(Rang(2))

    ledger.bus.subscribe(Rang, invite)
    ledger.bus.publish(Rang(1))
    assert ledger.heard == [("late", Rang(2))]


def test_handler_that_unsubscribes_during_a_delivery_does_not_hear_the_current_event() -> None:
    ledger = Ledger()
    ledger.bus.subscribe(Rang, lambda event: leave())
    leave = ledger.hear("second", Rang)
    ledger.hear("third", Rang)
    ledger.bus.publish(Rang(1))
    ledger.bus.publish(Rang(2))
    assert ledger.heard == [("third", Rang(1)), ("third", Rang(2))]


def test_unsubscribing_twice_takes_nobody_elses_subscription() -> None:
    ledger = Ledger()
    first, second = ledger.bus.subscribe(Rang, print), ledger.bus.subscribe(Rang, print)
    first()
    first()
    assert len(ledger.bus) == 1
    second()
    assert (len(ledger.bus), ledger.bus.kinds()) == (0, ())


# --- faults ---


def test_handler_that_raises_is_counted_and_reported_and_stops_nobody() -> None:
    ledger = Ledger()

    def broken(event: Rang) -> None:
        ledger.bus.publish(Answered(event.n))
        raise ValueError("one of ours")

    ledger.hear("before", Rang)
    ledger.bus.subscribe(Rang, broken)
    ledger.hear("after", Rang)
    ledger.hear("answered", Answered)
    ledger.bus.publish(Rang(1))
    ledger.bus.publish(Rang(2))
    assert [name for name, _ in ledger.heard] == ["before", "after", "answered"] * 2
    (first, second) = ledger.reported
    assert (first.event, first.handler, repr(first.error)) == ("Rang", broken.__qualname__, "ValueError('one of ours')")
    assert ledger.bus.faults == {("Rang", second.handler): 2}


def test_report_that_raises_stops_nobody_either() -> None:
    def report(fault: HandlerFault) -> None:
        raise OSError("the log's disk is full")

    bus, heard = EventBus(report), list[Rang]()
    bus.subscribe(Rang, fail)
    bus.subscribe(Rang, heard.append)
    bus.publish(Rang(1))
    assert heard == [Rang(1)]
    assert bus.faults.total() == 1


def test_interrupt_leaves_what_waits_for_the_next_delivery() -> None:
    ledger = Ledger()

    def interrupted(event: Rang) -> None:
        if event.n == 1:
            ledger.bus.publish(Answered(1))
            raise KeyboardInterrupt

    ledger.bus.subscribe(Rang, interrupted)
    ledger.hear("answered", Answered)
    ledger.hear("rang", Rang)
    with pytest.raises(KeyboardInterrupt):
        ledger.bus.publish(Rang(1))
    ledger.bus.publish(Rang(2))
    assert ledger.heard == [("answered", Answered(1)), ("rang", Rang(2))]


def test_circle_of_handlers_ends_and_is_reported_as_a_fault() -> None:
    ledger = Ledger()
    ledger.bus.subscribe(Rang, lambda event: ledger.bus.publish(Answered()))
    ledger.bus.subscribe(Answered, lambda event: ledger.bus.publish(Rang()))
    ledger.hear("rang", Rang)
    ledger.bus.publish(Rang())
    assert len(ledger.heard) == DEPTH_MAX / 2
    (fault,) = ledger.reported
    assert isinstance(fault.error, EventCircle)


def test_handler_that_publishes_without_end_is_stopped() -> None:
    ledger = Ledger()

    def flood(event: Rang) -> None:
        while True:
            ledger.bus.publish(Answered())

    ledger.bus.subscribe(Rang, flood)
    ledger.bus.publish(Rang())
    (fault,) = ledger.reported
    assert isinstance(fault.error, EventCircle)
    assert str(PENDING_MAX) in str(fault.error)
    ledger.hear("answered", Answered)
    ledger.bus.publish(Answered(7))
    assert ledger.heard == [("answered", Answered(7))], "nothing is left of the flood"


class NoonClock:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_fault_of_a_handler_is_an_alarm_that_names_it() -> None:
    alarms = Alarms(NoonClock())
    bus = EventBus(fault_reporter(alarms))
    bus.subscribe(Rang, fail)
    bus.publish(Rang())
    bus.publish(Rang())
    (alarm,) = alarms.raised()
    assert (alarm.kind, alarm.times) == (EVENT_HANDLER, 2)
    assert alarm.about == "fail"
    assert alarm.detail == "Rang: ValueError('one of ours')"


# --- whatever handlers do ---


@dataclass(frozen=True, slots=True)
class Planned:
    """An event that says what its handlers do with it."""

    n: int
    publishes: dict[int, tuple["Planned", ...]] = field(default_factory=dict, hash=False)
    """By handler, what it publishes."""
    raises: frozenset[int] = frozenset()
    """Handlers that then fail."""
    leaves: dict[int, int] = field(default_factory=dict, hash=False)
    """By handler, whom it takes out."""
    joins: dict[int, int] = field(default_factory=dict, hash=False)
    """By handler, whom it adds."""


HANDLERS = st.integers(0, 4)


def planned(children: st.SearchStrategy[Planned]) -> st.SearchStrategy[Planned]:
    return st.builds(
        Planned,
        n=st.integers(0, 99),
        publishes=st.dictionaries(HANDLERS, st.lists(children, max_size=2).map(tuple), max_size=2),
        raises=st.frozensets(HANDLERS, max_size=2),
        leaves=st.dictionaries(HANDLERS, HANDLERS, max_size=1),
        joins=st.dictionaries(HANDLERS, HANDLERS, max_size=1),
    )


PLANS = st.lists(st.recursive(st.builds(Planned, n=st.integers(0, 99)), planned, max_leaves=12), max_size=4)


def expected(plans: list[Planned]) -> Iterator[tuple[int, int]]:
    """Who hears which event, by the rules: a queue of events, and a list of handlers that is copied for each."""
    serials = count()
    present = {handler: next(serials) for handler in (0, 1, 2)}  # who leaves and comes back is a new subscription
    for plan in plans:
        pending = deque([plan])
        while pending:
            event = pending.popleft()
            for handler, serial in tuple(present.items()):
                if present.get(handler) != serial:
                    continue
                yield handler, event.n
                pending.extend(event.publishes.get(handler, ()))
                present.pop(event.leaves.get(handler, -1), None)
                if handler in event.joins and event.joins[handler] not in present:
                    present[event.joins[handler]] = next(serials)


@given(PLANS)
def test_whatever_handlers_do_each_hears_every_event_once_and_in_order(plans: list[Planned]) -> None:
    bus = EventBus(lambda fault: None)
    heard: list[tuple[int, int]] = []
    present: dict[int, Unsubscribe] = {}
    is_within = False
    faults = 0

    def join(handler: int) -> None:
        if handler in present:
            return

        def handle(event: Planned) -> None:
            nonlocal is_within, faults
            assert not is_within, "entered twice"
            is_within = True
            heard.append((handler, event.n))
            for follower in event.publishes.get(handler, ()):
                bus.publish(follower)
            gone = present.pop(event.leaves.get(handler, -1), None)
            if gone is not None:
                gone()
            if handler in event.joins:
                join(event.joins[handler])
            is_within = False
            if handler in event.raises:
                faults += 1
                raise ValueError("one of ours")

        present[handler] = bus.subscribe(Planned, handle)

    for handler in (0, 1, 2):
        join(handler)
    for plan in plans:
        bus.publish(plan)
    assert heard == list(expected(plans))
    assert bus.faults.total() == faults
    assert len(bus) == len(present)
