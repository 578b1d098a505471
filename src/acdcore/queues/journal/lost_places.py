"""The places of callers who lost their connection when the daemon restarted: a caller who calls again gets it back.

Rules:
- A place is given back once: to a call of the same number to the same queue, within `reclaim_within_s` of the start.
- The time since the start counts as waited, so callers who come back are in the same order as before.
- A caller without a number cannot be recognised and has no place.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from acdcore.kernel.ids import QueueName
from acdcore.queues.inputs import CallerFacts, Channel


@dataclass(frozen=True, slots=True)
class LostPlace:
    """A caller who waited, or for whom a phone rang, when the journal ended."""

    caller: str
    """The caller's number (the entry's label)."""
    queue: QueueName
    """The queue that the caller first joined, also when the caller overflowed later."""
    waited_s: float
    """Time waited over all queues up to the end of the journal, seconds."""
    priority_s: float
    """Seconds of waiting granted in advance."""
    facts: CallerFacts
    """What was known of the caller."""
    channel: Channel
    left_wall: datetime
    """When the journal ended (UTC)."""


class LostPlaces:
    """All lost places of the last run; at most as many as callers waited then."""

    def __init__(self, lost: Iterable[LostPlace], reclaim_within_s: float, began_at: float) -> None:
        """`began_at`: when this process began to take calls, monotonic seconds."""
        self._until = began_at + reclaim_within_s
        self._began_at = began_at
        self._lost: dict[tuple[str, QueueName], deque[LostPlace]] = {}
        for place in sorted(lost, key=lambda place: -place.waited_s):
            if place.caller:
                self._lost.setdefault((place.caller, place.queue), deque()).append(place)

    def __len__(self) -> int:
        return sum(map(len, self._lost.values()))

    def claim(self, caller: str, queue: QueueName, now: float) -> float | None:
        """Take the caller's place and return the seconds that count as waited; None: no place is kept."""
        if now >= self._until:
            self._lost.clear()
        kept = self._lost.get((caller, queue))
        if not kept:
            return None
        place = kept.popleft()
        return place.waited_s + max(0.0, now - self._began_at)
