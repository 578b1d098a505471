"""Stores the bindings of agents' phones over a restart, so that a phone over UDP can be rung before it registers again.

Rules:
- The file holds the live bindings over UDP with the time of day at which they expire; those over TCP went with their
  connections.
- It is replaced as a whole, at most every `WRITE_EVERY_S` after a change, and at the stop.
- A binding that is stale, expired, of another port, or cannot be read is left out. A damaged file only raises an alarm.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.registrar import Binding
from acdcore.sip.syntax.headers import parse_contact
from acdcore.sip.syntax.uri import MalformedValue
from acdcore.storage.journal.files import sync_journal_directory

WRITE_EVERY_S: Final = 1.0
"""Seconds between two writes: a thousand phones refresh within a minute, and must not cause a write each."""
FILE_BYTES_MAX: Final = 20_000_000
"""Bytes, enough for forty thousand phones; a larger file is not ours and is not read."""

UserBinding = tuple[str, Binding[SipFlow]]
"""An agent's number, and the binding of one of the agent's phones."""


@dataclass(frozen=True, slots=True)
class KeptBinding:
    """One phone in the file."""

    user: str
    """Agent's number."""
    contact: str
    """Contact as registered."""
    local: Address
    """Our address that the phone knows."""
    remote: Address
    """The phone's address as seen on the wire."""
    q: float
    """Preference of the contact, 0 to 1."""
    expires_wall: datetime
    """When it expires (UTC)."""
    refreshed_wall: datetime
    """When the phone last registered (UTC)."""
    call_id: str
    """Call-ID of that REGISTER."""
    cseq: int
    """CSeq number of that REGISTER."""


@dataclass(frozen=True, slots=True)
class KeptBindings:
    """The whole file."""

    phones: tuple[KeptBinding, ...]
    """In the order of registration."""
    written_wall: datetime
    """When (UTC)."""


_FILE: Final = TypeAdapter(KeptBindings)


class BindingsFile:
    """Writes the file in a thread: call `start`, then `changed` at every change, then `stop`."""

    def __init__(self, path: Path, clock: Clock, export: Callable[[], Sequence[UserBinding]]) -> None:
        """`export` gives the present bindings."""
        self._path = path
        self._clock = clock
        self._export = export
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._is_running = False
        self.alarm = ""
        """Why the file could not be read or written the last time; "" when it could."""

    def load(self, udp_ports: Collection[int]) -> tuple[UserBinding, ...]:
        """The last run's bindings that are still valid, for the ports that we listen on. A damaged file raises nothing.

        Reads a file of some hundred kilobytes: for the start, before calls are taken.
        """
        try:
            if self._path.stat().st_size > FILE_BYTES_MAX:
                raise ValueError("too large")
            kept = _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, ValidationError) as error:
            self.alarm = f"{self._path}: agents' phones of the last run are not known: {error}"
            return ()
        # The clock may be behind the last run's until it is corrected; no binding lives longer than the phone asked.
        now, wall = self._clock.now(), self._clock.wall()
        if kept.written_wall.tzinfo is not None:
            wall = max(wall, kept.written_wall)
        found = [_restored(phone, now, wall) for phone in kept.phones if phone.local.port in udp_ports]
        return tuple([each for each in found if each is not None and each[1].expires_at > now])

    def start(self) -> None:
        """Write from now on."""
        self._is_running = True

    def changed(self) -> None:
        """A binding came, went or was refreshed."""
        if self._is_running and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_EVERY_S, self._write_soon)

    async def stop(self) -> None:
        """Write a last time; later changes are not stored."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await self._writing
        await self._write()

    def _write_soon(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():  # a slow disk: try again a second later
            self.changed()
            return
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        phones = [_kept(user, each, now, wall) for user, each in self._export() if _is_kept(each)]
        try:
            await asyncio.to_thread(_replace, self._path, KeptBindings(tuple(phones), wall))
        except OSError as error:
            self.alarm = f"{self._path}: agents' phones will not be known after a restart: {error}"
        else:
            self.alarm = ""


def _is_kept(binding: Binding[SipFlow]) -> bool:
    return binding.flow.transport is Transport.UDP


def _kept(user: str, binding: Binding[SipFlow], now: float, wall: datetime) -> KeptBinding:
    return KeptBinding(
        user=user,
        contact=str(binding.contact),
        local=binding.flow.local,
        remote=binding.flow.remote,
        q=binding.q,
        expires_wall=wall + timedelta(seconds=binding.expires_at - now),
        refreshed_wall=wall + timedelta(seconds=binding.refreshed_at - now),
        call_id=binding.call_id,
        cseq=binding.cseq,
    )


def _restored(kept: KeptBinding, now: float, wall: datetime) -> UserBinding | None:
    try:
        contact = parse_contact(kept.contact)
        _ = contact.sip_uri  # nothing else can be rung
        expires_at = now + (kept.expires_wall - wall).total_seconds()
        refreshed_at = now + (kept.refreshed_wall - wall).total_seconds()
    except (MalformedValue, TypeError):  # TypeError: a time without a zone
        return None
    flow = SipFlow(Transport.UDP, kept.local, kept.remote)
    return kept.user, Binding(contact, flow, kept.q, expires_at, refreshed_at, kept.call_id, kept.cseq)


def _replace(path: Path, kept: KeptBindings) -> None:
    """Replace the file atomically and durably; on `OSError` the old file is unchanged."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    try:
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(_FILE.dump_json(kept))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync_journal_directory(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
