"""The client of a running daemon's control plane."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import TypeAdapter, ValidationError

from acdcore.cli.support.console import print_note
from acdcore.configuration.settings import load
from acdcore.control.errors import ErrorAnswer
from acdcore.control.settings import Right
from acdcore.daemon.secrets import API_KEYS_FILE, RIGHTS, file_lines
from acdcore.kernel.errors import PeerError, Refused, SettingsError, Unavailable

ANSWER_WITHIN_S = 60.0
"""Seconds until a request has failed; a report over a year of queue visits takes some seconds."""
ANSWER_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of one answer. No report is as large; another program at that address cannot fill our memory."""


@dataclass(frozen=True, slots=True)
class AnswerTimeout:
    """How long an answer may take, and what the user reads while waiting."""

    within_s: float = ANSWER_WITHIN_S
    """Seconds until the request has failed."""
    notice: str = ""
    """Printed once on stderr while waiting; empty: nothing is printed."""
    notice_after_s: float = 5.0
    """Seconds until `notice` is printed."""


class RefusedByDaemon(Refused):
    """The daemon refused the request; the message is the daemon's."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """How the user names the daemon."""

    config: Path
    """The daemon's settings file; read only for what `url` and `key_file` leave out."""
    url: str | None
    """Its control plane's URL; None: the address in the settings."""
    key_file: Path | None
    """The file with a key for it; None: `api-keys` in the storage directory."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon's control plane, and the API key's secret to use there."""

    url: str
    """Without a slash at the end."""
    secret: str

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        also: HTTPStatus | None = None,
        answer_timeout: AnswerTimeout = AnswerTimeout(),
    ) -> bytes:
        """The body of the answer, which is JSON.

        A refusal with the status `also` counts as an answer. Raises Unavailable when nobody answers, PeerError when the
        other side is not acdcore, and RefusedByDaemon for every other refusal.
        """
        status, data = asyncio.run(self._exchange(method, path, query or {}, body, answer_timeout))
        if status == also or status < HTTPStatus.BAD_REQUEST:
            return data
        try:
            error = TypeAdapter(ErrorAnswer).validate_json(data).error
        except ValidationError:
            raise PeerError(f"{self.url} answers {status}, but not as acdcore does; check --url") from None
        raise RefusedByDaemon(HTTPStatus(status), error.code, error.message)

    async def _exchange(
        self, method: str, path: str, query: Mapping[str, str], body: object, answer_timeout: AnswerTimeout
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(total=answer_timeout.within_s)
        word = asyncio.get_running_loop().call_later(answer_timeout.notice_after_s, _tell, answer_timeout.notice)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, self.url + path, params=query, data=data, headers=headers) as response,
            ):
                return response.status, await whole(response)
        except TimeoutError as error:
            raise Unavailable(f"{self.url} did not answer within {answer_timeout.within_s:g} s") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Unavailable(f"{self.url} is not a URL; write --url http://address:port") from error
        except aiohttp.ClientError as error:
            problem = f"nobody answers at {self.url}; start the daemon with `acdcore run`, or name it by --url"
            raise Unavailable(problem) from error
        finally:
            word.cancel()


def _tell(word: str) -> None:
    if word:
        print_note(word)


async def whole(response: aiohttp.ClientResponse) -> bytes:
    """The body; raises PeerError when it is longer than `ANSWER_BYTES_MAX`."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > ANSWER_BYTES_MAX:
            raise PeerError(f"{response.url.origin()} sends more than {ANSWER_BYTES_MAX} bytes; ask for less")
    return bytes(data)


def daemon_at(address: DaemonAddress, right: Right) -> Daemon:
    """The daemon that `reach` names, with a key that has `right`; raises SettingsError."""
    url, key_file = address.url, address.key_file
    if url is None or key_file is None:
        settings = load(address.config, os.environ)
        host = "127.0.0.1" if settings.http.address.is_unspecified else str(settings.http.address)
        url = url or f"http://{host}:{settings.http.port}"
        key_file = key_file or settings.storage.directory / API_KEYS_FILE
    return Daemon(url.rstrip("/"), secret_with(key_file, right))


def secret_with(file: Path, right: Right) -> str:
    """The secret of the file's first key that has `right`; raises SettingsError when there is none."""
    for line in file_lines(file):
        words = line.split()
        if len(words) == 3 and not words[0].startswith("#") and RIGHTS.get(words[1], 0) >= right:
            return words[2]
    problem = f"has no key with the right {right.name.lower()}; add one, or name another file by --key-file"
    raise SettingsError(str(file), "", problem)


def in_path(text: str) -> str:
    """A segment of a URL's path, percent-encoded."""
    return quote(text, safe="")
