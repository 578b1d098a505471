"""Deadlines by key: the one timer that a driver needs is `earliest()`."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """At most one deadline for each key; setting it again moves it.

    Moved and cancelled entries stay in the heap until they surface, and the heap is rebuilt when they outnumber
    the live ones, so that both cost and memory stay proportional to what is really pending.
    """

    def __init__(self) -> None:
        self._at: dict[K, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: K) -> bool:
        return key in self._at

    def set(self, key: K, at: float) -> None:
        """Arm or move the deadline of `key` to `at` (monotonic seconds)."""
        self._serial += 1
        self._at[key] = (at, self._serial)
        heapq.heappush(self._heap, (at, self._serial, key))
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._at):
            self._heap = [(at, serial, key) for key, (at, serial) in self._at.items()]
            heapq.heapify(self._heap)

    def cancel(self, key: K) -> None:
        """Disarm `key`; an unknown key is no error, because a deadline may have just passed."""
        self._at.pop(key, None)

    def earliest(self) -> float | None:
        """The next deadline, or None when nothing is armed."""
        while self._heap:
            at, serial, key = self._heap[0]
            if self._at.get(key) == (at, serial):
                return at
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: float) -> K | None:
        """Take one key whose deadline is at or before `now`, earliest first, ties in the order they were set."""
        at = self.earliest()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._at[key]
        return key
