"""The event stream: call events as server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
import re
from collections.abc import Container
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from acdcore.calls.record.event_stream import CallEventStream, StreamEvent, StreamEventKind, Subscription
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Route, RouteSpec, encode, route
from acdcore.control.schemas import EventChoice, Nothing
from acdcore.control.settings import Right

EVENTS_WAITING_MAX = 1000
"""Events that may wait for one listener, a second of the busiest call centre; one further behind gets `overrun`."""
ALWAYS_SENT = frozenset({StreamEventKind.GAP, StreamEventKind.OVERRUN})
"""Kinds that every listener gets, since they say that it missed events."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Times of a stream."""

    heartbeat_s: float = 15.0
    """Seconds between comments, which keep proxies from closing a quiet stream and show that a listener is gone."""
    write_within_s: float = 30.0
    """Seconds after which a listener whose socket takes nothing is disconnected."""


USUAL_TIMES = StreamTimes()


class EventStreamRoutes:
    """Serves the call events and ends every stream when the daemon stops."""

    def __init__(self, events: CallEventStream, registry: CollectorRegistry, times: StreamTimes = USUAL_TIMES) -> None:
        self._events = events
        self._times = times
        self._open: dict[Subscription, str] = {}
        """Each open stream and the name of the key that opened it."""
        streams = Gauge("acdcore_http_event_streams", "Open event streams.", registry=registry)
        streams.set_function(lambda: len(self._open))

    def routes(self) -> tuple[Route, ...]:
        spec = RouteSpec(
            method="GET",
            path="/v1/events",
            right=Right.READ,
            summary="What happens, as it happens (server-sent events); resumes after Last-Event-ID",
            answer=StreamEvent,
            media_type="text/event-stream",
        )
        return (route(spec, EventChoice, Nothing, self.serve),)

    async def serve(self, request: ApiRequest[EventChoice, Nothing]) -> web.StreamResponse:
        with self._events.subscribe(EVENTS_WAITING_MAX, last_event_id(request.http)) as subscription:
            self._open[subscription] = request.by
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            try:
                await response.prepare(request.http)
                await self._write(response, b": acdcore events\n\n")
                await self._copy(subscription, request.parameters, response)
            except ConnectionError:
                pass  # The listener went away.
            except TimeoutError:
                cut_off(request.http)
            finally:
                del self._open[subscription]
        return response

    def close(self) -> None:
        """End every stream after its buffered events."""
        for subscription in tuple(self._open):
            subscription.close()

    def end(self, names: Container[str]) -> None:
        """End the streams that were opened by these keys."""
        for subscription, name in tuple(self._open.items()):
            if name in names:
                subscription.close()

    async def _copy(self, subscription: Subscription, choice: EventChoice, response: web.StreamResponse) -> None:
        while True:
            try:
                async with asyncio.timeout(self._times.heartbeat_s):
                    event = await anext(subscription)
            except TimeoutError:
                await self._write(response, b": still here\n\n")
            except StopAsyncIteration:
                return
            else:
                if is_chosen(event, choice):
                    await self._write(response, frame(event))

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._times.write_within_s):
            await response.write(data)


def cut_off(request: web.Request) -> None:
    """Close a connection whose peer takes nothing, and drop all that waits to be sent."""
    if request.transport is not None:
        request.transport.abort()


def last_event_id(request: web.Request) -> int | None:
    """The event to resume after, from the header that a reconnecting listener sends; None without it."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        problem = "Last-Event-ID must be the id of an event of this stream; leave it out to begin with what comes"
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", problem, "Last-Event-ID")
    return int(text)


def is_chosen(event: StreamEvent, choice: EventChoice) -> bool:
    """Whether the listener wants this event."""
    if event.kind in ALWAYS_SENT:
        return True
    return (not choice.kind or event.kind in choice.kind) and choice.agent in (None, event.agent)


def frame(event: StreamEvent) -> bytes:
    """One event on the wire; JSON has no line breaks, so that one `data` line holds it."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.serial, event.kind.encode(), encode(event))
