"""The mailbox: the one place where a call's coroutine waits. Everything that happens to the call arrives here in
order."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

Note = TypeVar("Note")

NOTES_MAX = 1024
"""Notes that may wait: more than a call can collect between two turns of its task. Beyond it the oldest is lost."""


class Mailbox(Generic[Note]):
    """An ordered queue with one reader, who may wait until a deadline; it makes no task and no future for a note."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque(maxlen=NOTES_MAX)
        self._reader: asyncio.Future[None] | None = None

    def post(self, note: Note) -> None:
        """Append `note` and wake the reader."""
        self._notes.append(note)
        self._wake()

    def put_back(self, notes: Sequence[Note]) -> None:
        """Put notes that were read back before all others; if there is no room for all, the newest are lost."""
        room = NOTES_MAX - len(self._notes)
        self._notes.extendleft(reversed(notes[:room]))
        self._wake()

    def holds(self, kind: type[object]) -> bool:
        """Whether a note of this kind waits to be read."""
        return any(isinstance(note, kind) for note in self._notes)

    async def next(self, until: float | None = None) -> Note | None:
        """The oldest note, or None when the loop's time reaches `until` (seconds of `loop.time()`) first."""
        if self._notes:
            return self._notes.popleft()
        loop = asyncio.get_running_loop()
        if until is not None and until <= loop.time():
            return None
        self._reader = loop.create_future()
        timer = None if until is None else loop.call_at(until, self._wake)
        try:
            await self._reader
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()
        return self._notes.popleft() if self._notes else None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
