"""The event stream: numbering, resuming, and what happens to a listener that is too slow."""

import asyncio
from datetime import UTC, datetime

import pytest

from acdcore.calls.record.event_stream import (
    SUBSCRIBERS_MAX,
    AlarmChange,
    CallEventStream,
    MissedEvents,
    StreamEvent,
    StreamEventKind,
    Subscription,
    TooManySubscribers,
)

STARTED = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FIRST = int(STARTED.timestamp() * 1000)


def publish(stream: CallEventStream, count: int) -> None:
    for number in range(count):
        stream.publish(StreamEventKind.ALARM, AlarmChange("test", True, str(number)), STARTED)


async def read(subscription: Subscription, count: int) -> list[StreamEvent]:
    return [await anext(subscription) for _ in range(count)]


async def drain(subscription: Subscription) -> list[StreamEvent]:
    subscription.close()
    return [event async for event in subscription]


async def test_serials_grow_by_one_from_the_start_of_the_run() -> None:
    stream = CallEventStream(STARTED)
    with stream.subscribe(10) as subscription:
        publish(stream, 3)
        assert [event.serial for event in await read(subscription, 3)] == [FIRST, FIRST + 1, FIRST + 2]


async def test_listener_hears_only_what_comes_after_it_subscribed() -> None:
    stream = CallEventStream(STARTED)
    publish(stream, 2)
    subscription = stream.subscribe(10)
    publish(stream, 1)
    assert [event.serial for event in await drain(subscription)] == [FIRST + 2]


async def test_waiting_listener_is_woken() -> None:
    stream = CallEventStream(STARTED)
    with stream.subscribe(10) as subscription:
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        assert not waiting.done()
        publish(stream, 1)
        assert (await waiting).serial == FIRST


async def test_cancelled_wait_loses_nothing() -> None:
    stream = CallEventStream(STARTED)
    with stream.subscribe(10) as subscription:
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        publish(stream, 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await anext(subscription)).serial == FIRST


async def test_resume_continues_after_the_last_event_seen() -> None:
    stream = CallEventStream(STARTED)
    publish(stream, 5)
    subscription = stream.subscribe(100, after=FIRST + 2)
    publish(stream, 1)
    assert [event.serial for event in await drain(subscription)] == [FIRST + 3, FIRST + 4, FIRST + 5]


async def test_resume_after_the_newest_event_has_no_gap() -> None:
    stream = CallEventStream(STARTED)
    publish(stream, 1)
    assert await drain(stream.subscribe(100, after=FIRST)) == []


async def test_resume_beyond_the_history_begins_with_a_gap() -> None:
    stream = CallEventStream(STARTED, history_events=3)
    publish(stream, 10)
    gap, *rest = await drain(stream.subscribe(100, after=FIRST + 1))
    assert (gap.kind, gap.serial, [event.serial - FIRST for event in rest]) == (
        StreamEventKind.GAP,
        FIRST + 6,
        [7, 8, 9],
    )
    assert isinstance(gap.data, MissedEvents)
    assert gap.data.first_serial == FIRST + 2


async def test_resume_from_an_earlier_run_begins_with_a_gap_even_before_the_first_event() -> None:
    (gap,) = await drain(CallEventStream(STARTED).subscribe(100, after=FIRST - 5000))
    assert (gap.kind, gap.serial, gap.at) == (StreamEventKind.GAP, FIRST - 1, STARTED)


async def test_resume_from_the_future_gets_all_there_is_after_a_gap() -> None:
    stream = CallEventStream(STARTED)
    publish(stream, 2)
    events = await drain(stream.subscribe(100, after=FIRST + 10**9))
    assert [event.kind for event in events] == [StreamEventKind.GAP, StreamEventKind.ALARM, StreamEventKind.ALARM]


async def test_resume_leaves_half_of_the_buffer_free() -> None:
    stream = CallEventStream(STARTED)
    publish(stream, 50)
    subscription = stream.subscribe(10, after=FIRST)
    publish(stream, 4)
    events = await drain(subscription)
    assert [event.kind for event in events] == [StreamEventKind.GAP] + [StreamEventKind.ALARM] * 9


async def test_slow_listener_gets_one_overrun_and_its_end() -> None:
    stream = CallEventStream(STARTED)
    subscription = stream.subscribe(3)
    publish(stream, 5)
    events = [event async for event in subscription]
    assert [event.kind for event in events] == [StreamEventKind.OVERRUN]


async def test_overrun_listener_resumes_without_a_gap() -> None:
    stream = CallEventStream(STARTED)
    subscription = stream.subscribe(3)
    publish(stream, 1)
    await anext(subscription)
    publish(stream, 5)
    overrun = await anext(subscription)
    resumed = await drain(stream.subscribe(100, after=overrun.serial))
    assert [event.serial for event in resumed] == [FIRST + n for n in range(1, 6)]


async def test_slow_listener_does_not_disturb_another() -> None:
    stream = CallEventStream(STARTED)
    stream.subscribe(1)
    quick = stream.subscribe(10)
    publish(stream, 5)
    assert len(await drain(quick)) == 5


async def test_listeners_are_limited_and_give_their_place_back() -> None:
    stream = CallEventStream(STARTED)
    listeners = [stream.subscribe(1) for _ in range(SUBSCRIBERS_MAX)]
    with pytest.raises(TooManySubscribers):
        stream.subscribe(1)
    listeners[0].close()
    stream.subscribe(1).close()


async def test_closed_feed_ends_its_listeners() -> None:
    stream = CallEventStream(STARTED)
    subscription = stream.subscribe(10)
    publish(stream, 1)
    stream.close()
    assert len([event async for event in subscription]) == 1
