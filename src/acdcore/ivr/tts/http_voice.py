"""A voice over HTTP: texts are read aloud by a server that is asked as in `POST /v1/audio/speech`.

The request is JSON of `model`, `input`, `voice`, `response_format` and `speed` with the key as bearer token; the answer
is a WAV file of any rate. Many servers speak so, hosted ones and those of one's own.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from array import array
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from acdcore.ivr.audio.resample import TELEPHONE_RATE, Resampler
from acdcore.ivr.audio.shaping import shaped
from acdcore.ivr.audio.wav import Sound, TooLong, WavError, read_wav, to_pcm
from acdcore.ivr.tts.cache import keep
from acdcore.ivr.tts.durations import longest_s
from acdcore.ivr.tts.voices import EngineUnavailable, TtsRequest
from acdcore.kernel.errors import SettingsError

WITHIN_S = 30.0
"""For one text: a long announcement is calculated as long as it lasts on a small server."""
AT_ONCE_MAX = 4
"""Texts at once: hosted servers limit it, and those of one's own have one processor."""
TRIES_MAX = 3
"""For a text of a batch: a server that is busy for a moment must not cost the other six hundred texts."""
PAUSE_S = 1.0
"""Long enough for a small server to come to the end of what it has in hand."""
PAUSE_MAX_S = 10.0
"""However much later the server wants to be asked."""
ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""Nearly three minutes at 48 kHz: more than the longest text takes."""
SILENCE_MAX_S = 10.0
"""Around the words, and cut off; more is not even decoded: minutes of sound would keep a processor busy for as long."""
COMPLAINT_BYTES_MAX = 4_096
"""Read of an answer that is no sound."""
COMPLAINT_MAX = 200
"""Characters of it that go into the error."""
KEY_BYTES_MAX = 4_096
"""Of a key's file: keys have some hundred, and a recording named by mistake is not read."""
LATER = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that another try may mend."""
NOT_ALLOWED = frozenset({401, 403})
OF_THE_TEXT = frozenset({400, 413, 422})
"""Statuses that may be about one text alone, as where it is too long for the server or none of its languages."""
TEXTS_FAILED_MAX = 5
"""So many texts of a batch that cannot be read are the server's fault, and no further one is asked for."""


@dataclass(frozen=True, slots=True)
class VoiceServer:
    """Where texts are read aloud."""

    url: str
    """The whole address, such as `http://127.0.0.1:8880/v1/audio/speech`."""
    model: str = ""
    """The model that is asked for; "": the server has one."""
    key_file: Path | None = None
    """The file with the key; None: the server wants none."""
    within_s: float = WITHIN_S
    """How long one try for one text may take, from the connection to the last sample."""
    trust: ssl.SSLContext | None = None
    """Whose certificates count; None: those that the system trusts."""

    def shown(self) -> str:
        """The address without what may be a secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


class Batches:
    """What threads ask for at the moment, to be given up from another."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._under_way: dict[asyncio.Task[None], asyncio.AbstractEventLoop] = {}
        self._is_over = False

    def run(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do it in a loop of this thread's own. Raises EngineUnavailable when all is stopped."""
        asyncio.run(self._noted(work))

    async def _noted(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work())
        with self._turn:
            self._under_way[task] = loop
            if self._is_over:
                task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            raise EngineUnavailable("the voice server is not asked any more: reading aloud is stopped") from None
        finally:
            with self._turn:
                del self._under_way[task]

    def stop(self) -> None:
        """Give up all that is asked, and ask nothing more."""
        with self._turn:
            self._is_over = True
            for task, loop in self._under_way.items():
                loop.call_soon_threadsafe(task.cancel)


@dataclass(frozen=True, slots=True)
class HttpReader:
    """One voice of a server."""

    server: VoiceServer
    """Who reads."""
    name: str
    """The voice, by the server's name for it."""
    speed: float = 1.0
    """1.0 is the voice's own."""
    tries: int = TRIES_MAX
    """1 where somebody waits for the words."""
    pause_s: float = PAUSE_S
    """Before the second try, doubled before each further one."""
    batches: Batches = field(default_factory=Batches, compare=False)
    """Shared by all who are stopped together."""

    def is_there(self) -> bool:
        """Always: what a server can do is known once it is asked."""
        return True

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        """Make all files, some at once, calling `on_read` after each; waits, so it is for a thread.

        Raises SettingsError (the key's file) and EngineUnavailable. What was read before stays.
        """
        key = read_key(self.server.key_file) if self.server.key_file else ""
        self.batches.run(lambda: self._read_all(readings, on_read, key))

    async def _read_all(self, readings: Sequence[TtsRequest], on_read: Callable[[], None], key: str) -> None:
        left = iter(readings)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.server.trust or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.server.within_s),
            headers={"Authorization": f"Bearer {key}"} if key else {},
        ) as session:
            asking = _Asking(self, session, key)
            workers = [
                asyncio.create_task(asking.read_each(left, on_read)) for _ in range(min(AT_ONCE_MAX, len(readings)))
            ]
            try:
                await asyncio.gather(*workers)
                asking.tell()
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)


class _Later(Exception):
    """The server may answer if it is asked again; the text says what it did now."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class SomeTextsFailed(EngineUnavailable):
    """The server read all texts but some that it cannot read; it may be asked for further ones."""


class _TextFailed(ValueError):
    """The server cannot read this text; others it may."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """One batch on its way."""

    reader: HttpReader
    session: aiohttp.ClientSession
    key: str
    failed: list[str] = field(default_factory=list)
    """What was said of each text that the server cannot read."""

    def tell(self) -> None:
        """Raises SomeTextsFailed, and EngineUnavailable when there are too many of them."""
        if self.failed:
            others = f"; so did {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
            is_server = len(self.failed) >= TEXTS_FAILED_MAX
            raise (EngineUnavailable if is_server else SomeTextsFailed)(self.failed[0] + others)

    async def read_each(self, left: Iterator[TtsRequest], on_read: Callable[[], None]) -> None:
        """Take texts off the common list until none is left."""
        for reading in left:
            try:
                sound = await self._sound(reading.text)
                keep(reading.file, to_pcm(_for_the_telephone(sound, reading.text)))
            except _TextFailed as error:
                self.failed.append(self._told(error, reading))
                if len(self.failed) >= TEXTS_FAILED_MAX:
                    self.tell()
                continue
            except ValueError as error:
                raise EngineUnavailable(self._told(error, reading)) from None
            on_read()

    def _told(self, error: ValueError, reading: TtsRequest) -> str:
        return f"{self._whose()} {error}, asked for {reading.text!r}"

    async def _sound(self, text: str) -> Sound:
        """The server's sound; raises ValueError, which says what it did instead."""
        pause_s = self.reader.pause_s
        for _ in range(self.reader.tries - 1):
            try:
                return await self._asked(text)
            except _Later as later:
                await asyncio.sleep(min(PAUSE_MAX_S, max(pause_s, later.pause_s)))
                pause_s *= 2
        try:
            return await self._asked(text)
        except _Later as later:
            raise ValueError(str(later)) from None

    async def _asked(self, text: str) -> Sound:
        """One try; raises _Later or ValueError."""
        reader = self.reader
        body = {"input": text, "voice": reader.name, "response_format": "wav", "speed": reader.speed}
        if reader.server.model:
            body["model"] = reader.server.model
        try:
            async with self.session.post(reader.server.url, json=body, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    await self._complain(response)
                data = await _body_of(response, ANSWER_BYTES_MAX)
        except TimeoutError:
            raise ValueError(f"did not answer within {reader.server.within_s:g} s") from None  # nor would it again
        except aiohttp.ClientConnectorCertificateError:
            raise ValueError("has a certificate that this machine does not trust") from None
        except aiohttp.ClientConnectorError as error:
            raise _Later(f"cannot be reached ({error.os_error.strerror or type(error.os_error).__name__})") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Later(f"broke off ({type(error).__name__})") from None  # its text may tell what was sent
        return _decoded(data, text)

    async def _complain(self, response: aiohttp.ClientResponse) -> None:
        """Raise what the status says, with the server's own words; never with the key, which some repeat."""
        words = " ".join((await _start_of(response)).decode("utf-8", "replace").split())
        if self.key:
            words = words.replace(self.key, "...")
        words = "".join(char for char in words[:COMPLAINT_MAX] if char.isprintable())
        said = f"answered {response.status}" + (f" ({words})" if words else "")
        if response.status in LATER:
            after = response.headers.get("Retry-After", "")
            raise _Later(said, float(after) if after.isascii() and after.isdigit() else 0.0)
        if response.status in NOT_ALLOWED:
            file = self.reader.server.key_file
            said += f"; look whether the key in {file} is right" if file else "; name the file of its key as key_file"
        raise _TextFailed(said) if response.status in OF_THE_TEXT else ValueError(said)

    def _whose(self) -> str:
        return f"the voice at {self.reader.server.shown()}"


def read_key(file: Path) -> str:
    """The key in a file, which nobody else may read; raises SettingsError, never with anything of the key."""
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(KEY_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(str(file), "", f"cannot be read: {reason}; put the voice server's key there") from error
    if mode & 0o077:
        raise SettingsError(str(file), "", f"is open to others than its owner; chmod 600 {file}")
    key = data.decode("ascii", "replace").strip()
    if not key or len(data) > KEY_BYTES_MAX or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(str(file), "", "holds no key; write the voice server's key into it, alone on one line")
    return key


async def _body_of(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            raise ValueError(f"gave more than {most // 1024 // 1024} MB")
    return bytes(body)


async def _start_of(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of a body, or what there is of it."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= COMPLAINT_BYTES_MAX:
            break
    return bytes(body[:COMPLAINT_BYTES_MAX])


def _decoded(data: bytes, text: str) -> Sound:
    """The sound in an answer; raises ValueError."""
    try:
        return read_wav(data, longest_s(text) + SILENCE_MAX_S)
    except TooLong as error:
        raise _too_long(error.length_s, text) from None
    except WavError as error:
        what = str(error).partition(";")[0]
        raise ValueError(f"gave an answer that {what}; it must know response_format wav") from None


def _for_the_telephone(sound: Sound, text: str) -> array[int]:
    """At 8 kHz, as all speech is shaped; raises ValueError for what cannot be this text."""
    samples = shaped(Resampler(sound.rate).convert(sound.samples), text)
    if not samples:
        raise _TextFailed("gave nothing but silence")
    length_s = len(samples) / TELEPHONE_RATE
    if length_s > longest_s(text):
        raise _too_long(length_s, text)
    return samples


def _too_long(length_s: float, text: str) -> _TextFailed:
    return _TextFailed(f"gave {length_s:.1f} s of sound for what takes at most {longest_s(text):.1f} s")
