"""The event bus: a part publishes what has happened, and any number of handlers hear it. Pure.

    leave = bus.subscribe(AgentStateChanged, boards.show)
    bus.publish(AgentStateChanged(...))                     # comes back when every handler has had it
    leave()

Rules:

- Events are delivered one at a time, in the order in which they were published. Each goes to its handlers in the order
  in which they subscribed.
- What a handler publishes is delivered after the event that it handles, and after those that were published before.
  `publish` then returns at once; no handler is ever entered twice.
- A handler that raises is counted in `faults` and reported. The other handlers have the event all the same, and the
  publisher hears nothing of it.
- A handler that subscribes during a delivery hears the next event, not the current one. One that unsubscribes hears
  nothing more, not the current event either.
- The class of an event decides who hears it; a handler of its base class does not. Events are frozen dataclasses with
  slots, named in the past tense, and defined by the package that publishes them.

A fact goes over the bus; an order that one part has to carry out, or a question, is a call of that part.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

DEPTH_MAX = 32
"""Events that follow from one another; the longest chain of ours has four. More is a circle that would never end."""
PENDING_MAX = 100_000
"""Events that wait during one delivery: far more than one turn of the dispatcher brings in the largest call centre."""

E = TypeVar("E")
Unsubscribe: TypeAlias = Callable[[], None]
"""Ends a subscription; without effect the second time."""


class EventCircle(RuntimeError):
    """A handler published more than can follow from one event: a fault of ours, and counted as that handler's."""


@dataclass(frozen=True, slots=True)
class HandlerFault:
    """A handler has raised."""

    handler: str
    """Its qualified name."""
    event: str
    """The class of the event that it was given."""
    error: Exception


class _Subscription:
    """One handler of one class of events."""

    __slots__ = ("handler", "is_active", "name")

    def __init__(self, handler: Callable[..., None]) -> None:
        self.handler = handler
        self.name: str = getattr(handler, "__qualname__", type(handler).__qualname__)
        self.is_active = True


class EventBus:
    """One for the daemon; for the event loop's thread only."""

    def __init__(self, report: Callable[[HandlerFault], None]) -> None:
        """`report` logs a fault and raises an alarm; it may publish."""
        self.faults: Counter[tuple[str, str]] = Counter()
        """Faults of handlers since the start, by class of event and handler."""
        self._report = report
        self._subscriptions: dict[type, tuple[_Subscription, ...]] = {}
        """Replaced when they change, never changed: a delivery goes on with those it began with."""
        self._pending: deque[tuple[object, int]] = deque()
        """Events to deliver, with their depth: 1, or one more than that of the event that they follow from."""
        self._depth = 0
        """Of the event that is being delivered; 0: none is."""

    def __len__(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._subscriptions.values()))

    def kinds(self) -> tuple[type, ...]:
        """The classes of events that somebody hears."""
        return tuple(self._subscriptions)

    def subscribe(self, kind: type[E], handler: Callable[[E], None]) -> Unsubscribe:
        """Have `handler` called for each event of that class from the next one on; the result ends it."""
        subscription = _Subscription(handler)
        self._subscriptions[kind] = (*self._subscriptions.get(kind, ()), subscription)

        def unsubscribe() -> None:
            if subscription.is_active:
                subscription.is_active = False
                self._forget(kind, subscription)

        return unsubscribe

    def publish(self, event: object) -> None:
        """Deliver the event, and what its handlers publish; within a handler, leave it for after the current event.

        Raises EventCircle within a handler that publishes for ever.
        """
        pending, depth = self._pending, self._depth
        if depth >= DEPTH_MAX or len(pending) >= PENDING_MAX:
            raise EventCircle(f"{type(event).__name__} is event {depth + 1} in a row, with {len(pending)} waiting")
        pending.append((event, depth + 1))
        if depth:
            return
        subscriptions = self._subscriptions
        try:
            while pending:
                event, self._depth = pending.popleft()
                for subscription in subscriptions.get(type(event), ()):
                    if not subscription.is_active:
                        continue
                    try:
                        subscription.handler(event)
                    except Exception as error:
                        self._failed(subscription, event, error)
        finally:
            self._depth = 0

    def _failed(self, subscription: _Subscription, event: object, error: Exception) -> None:
        fault = HandlerFault(subscription.name, type(event).__name__, error)
        self.faults[fault.event, fault.handler] += 1
        with contextlib.suppress(Exception):  # it is counted, and whoever reports must not stop a delivery either
            self._report(fault)

    def _forget(self, kind: type, subscription: _Subscription) -> None:
        left = tuple(each for each in self._subscriptions[kind] if each is not subscription)
        if left:
            self._subscriptions[kind] = left
        else:
            del self._subscriptions[kind]
