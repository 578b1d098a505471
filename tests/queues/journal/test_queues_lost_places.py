"""Obligations of the places: who comes back soon enough stands where they stood, once, and nobody else does."""

from datetime import UTC, datetime

from tests.queues.shift import HELP, SALES, dispatcher_settings

from acdcore.kernel.ids import QueueName
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import CallerFacts, CallerJoined, Channel, EntryId
from acdcore.queues.journal.lost_places import LostPlace, LostPlaces

BEGAN_AT = 50.0


def lost(caller: str, waited_s: float, queue: QueueName = SALES) -> LostPlace:
    left_wall = datetime(2026, 11, 5, tzinfo=UTC)
    return LostPlace(caller, queue, waited_s, 0.0, CallerFacts(), Channel.CALL, left_wall)


def test_caller_who_comes_back_has_waited_before_and_since() -> None:
    places = LostPlaces([lost("139", 100.0)], 300.0, BEGAN_AT)
    assert places.claim("139", SALES, 80.0) == 130.0


def test_place_is_given_back_once() -> None:
    places = LostPlaces([lost("139", 100.0)], 300.0, BEGAN_AT)
    places.claim("139", SALES, 60.0)
    assert places.claim("139", SALES, 61.0) is None
    assert len(places) == 0


def test_place_is_for_the_same_number_and_queue_only() -> None:
    places = LostPlaces([lost("139", 100.0)], 300.0, BEGAN_AT)
    assert places.claim("138", SALES, 60.0) is None
    assert places.claim("139", HELP, 60.0) is None
    assert len(places) == 1


def test_place_expires() -> None:
    places = LostPlaces([lost("139", 100.0), lost("138", 100.0)], 300.0, BEGAN_AT)
    assert places.claim("138", SALES, 349.9) is not None
    assert places.claim("139", SALES, 350.0) is None
    assert len(places) == 0


def test_caller_without_a_number_has_no_place() -> None:
    assert len(LostPlaces([lost("", 100.0)], 300.0, BEGAN_AT)) == 0


def test_two_places_of_one_number_are_given_back_the_longer_first() -> None:
    places = LostPlaces([lost("139", 10.0), lost("139", 70.0)], 300.0, BEGAN_AT)
    assert [places.claim("139", SALES, BEGAN_AT), places.claim("139", SALES, BEGAN_AT)] == [70.0, 10.0]


def test_callers_who_come_back_in_any_order_stand_as_they_stood_and_before_the_new_ones() -> None:
    places = LostPlaces([lost("1", 90.0), lost("2", 60.0), lost("3", 30.0)], 300.0, BEGAN_AT)
    dispatcher = Dispatcher(dispatcher_settings())
    for now, number in [(51.0, "new"), (55.0, "3"), (70.0, "1"), (95.0, "2")]:
        waited_s = places.claim(number, SALES, now) or 0.0
        dispatcher.handle(CallerJoined(EntryId(number), SALES, label=number, waited_s=waited_s), now)
    sales = next(queue for queue in dispatcher.snapshot(95.0).queues if queue.queue == SALES)
    assert [waiting.label for waiting in sales.waiting] == ["1", "2", "3", "new"]
