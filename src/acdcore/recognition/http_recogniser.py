"""A recogniser over HTTP that the operator runs, in the form of `/v1/audio/transcriptions` that most of them speak.

POST, multipart/form-data: `file` (WAV, 8 kHz, 16 bit, mono), `model`, `language` (ISO 639), `prompt`, and
`response_format` "json". The answer is JSON with `text`.
"""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Transcript

LANGUAGES = {"cmn": "zh", "yue": "yue", "en": "en"}
"""Our names to ISO 639, the shortest there is: servers know those."""
AT_ONCE_MAX = 32
"""Requests under way: a server that needs a second for each is then busy for half a minute."""
ANSWER_MAX = 65_536
"""Octets of an answer; thirty seconds of speech have a thousand."""
FAILURES_UNTIL_TROUBLE = 3
"""In a row: one request that fails may be the network's, or a sound that the server cannot read."""
COMPLAINT_MAX = 200
"""Characters of a server's answer that are reported."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the recogniser is."""

    url: str
    model: str = ""
    """Left out when empty."""
    key: str = field(default="", repr=False)
    """Sent as a bearer token; left out when empty."""


class HttpRecogniser:
    """A `Transcriber`. To be entered before it is used."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._under_way = 0
        self._failures = 0
        """In a row, the latest included."""
        self.trouble = ""
        """What the server failed with last, if it fails again and again; empty: it answers, or nobody has asked."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connections are kept until the block ends."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None

    async def transcribe(self, pcm: bytes, language: str, hint: str, within_s: float) -> Transcript:
        """See `Transcriber`."""
        if self._session is None:
            raise Unavailable("the recogniser is not open")
        if self._under_way >= AT_ONCE_MAX:
            raise Unavailable(f"{AT_ONCE_MAX} callers wait to be understood already")
        self._under_way += 1
        try:
            text = await self._answer(self._session, pcm, language, hint, within_s)
        except Unavailable as error:
            self._failures += 1
            if self._failures >= FAILURES_UNTIL_TROUBLE:
                self.trouble = str(error)
            raise
        finally:
            self._under_way -= 1
        self._failures, self.trouble = 0, ""
        return Transcript(text, 1.0)

    async def _answer(
        self, session: aiohttp.ClientSession, pcm: bytes, language: str, hint: str, within_s: float
    ) -> str:
        """What the server understood. Raises Unavailable, which never tells the key."""
        try:
            async with asyncio.timeout(within_s):
                return await self._post(session, pcm, language, hint)
        except TimeoutError:
            raise Unavailable(f"the HTTP recogniser: no answer within {within_s:g} s") from None
        except aiohttp.ClientError as error:  # its text may tell the address with all that stands in it
            raise Unavailable(f"the HTTP recogniser: {type(error).__name__}") from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"the HTTP recogniser: {self._excerpt(str(error))}") from None

    async def _post(self, session: aiohttp.ClientSession, pcm: bytes, language: str, hint: str) -> str:
        form = aiohttp.FormData()
        form.add_field("file", wav(pcm), filename="speech.wav", content_type="audio/wav")
        fields = {"model": self._settings.model, "language": LANGUAGES.get(language, language), "prompt": hint}
        for name, value in {**fields, "response_format": "json"}.items():
            if value:
                form.add_field(name, value)
        headers = {"Authorization": f"Bearer {self._settings.key}"} if self._settings.key else {}
        # A redirection is not followed: it would take the key, and what a caller said, elsewhere.
        async with session.post(self._settings.url, data=form, headers=headers, allow_redirects=False) as response:
            body = await _read(response)
            if response.status != 200:
                said = self._excerpt(body.decode(errors="replace"))
                raise Unavailable(f"the HTTP recogniser: status {response.status}: {said}")
        return text_of(body)

    def _excerpt(self, words: str) -> str:
        """A server's words as one line without the key."""
        line = "".join(char if char.isprintable() else " " for char in words)
        return (line.replace(self._settings.key, "***") if self._settings.key else line)[:COMPLAINT_MAX]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body. Raises ValueError when it is too long."""
    body = b""
    async for some in response.content.iter_any():
        body += some
        if len(body) > ANSWER_MAX:
            response.close()
            raise ValueError(f"the answer has more than {ANSWER_MAX} octets")
    return body


def text_of(body: bytes) -> str:
    """`text` of the answer. Raises ValueError."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the answer is not JSON") from None
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise ValueError('the answer has no "text"; is this address one of /v1/audio/transcriptions?')
    return text.strip()


def wav(pcm: bytes) -> bytes:
    """A WAV file around 8 kHz, 16 bit little-endian, mono."""
    octets_a_second = TELEPHONE_RATE * SAMPLE_OCTETS
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, TELEPHONE_RATE, octets_a_second, SAMPLE_OCTETS, 16)
    data = struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data
