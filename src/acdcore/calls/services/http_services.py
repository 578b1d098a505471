"""HTTP services that flows ask: one request with a deadline, a small answer in JSON, its fields as text."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
import structlog

from acdcore.ivr.flow.actions import AskService, ServiceAnswered
from acdcore.ivr.model.kinds import ServiceMiss
from acdcore.kernel.setting_types import HttpUrl

ANSWER_BYTES_MAX = 64 * 1024
"""Bytes; a larger answer is not meant for a caller."""
CONNECTIONS_MAX = 100
"""Requests at once over all services: more would mean that a service does not answer."""
VALUE_CHARS_MAX = 1_000
"""Characters; longer fields are cut, as nobody would listen to them."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The section `[services.NAME]`: one service that flows may ask."""

    url: HttpUrl
    """The URL of the service."""
    method: Literal["GET", "POST"] = "GET"
    """GET sends the values as the query, POST as a JSON object."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with each request; secrets come from the environment."""


class Services:
    """Asks the services; one for the daemon, which keeps its connections open."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._log = structlog.get_logger("services")

    async def ask(self, settings: ServiceSettings, wanted: AskService) -> ServiceAnswered:
        """The answer's fields; a fault of the service is a `ServiceMiss`, and the deadline holds in any case."""
        try:
            async with asyncio.timeout(wanted.timeout_s):
                return ServiceAnswered(wanted.ask, await self._request(settings, wanted.values))
        except TimeoutError:
            why = f"no answer within {wanted.timeout_s:g} s"
        except aiohttp.ClientError as error:
            why = type(error).__name__  # its text may contain the URL with a customer's data
        except (OSError, ValueError) as error:
            why = str(error)
        self._log.warning("service not available", service=wanted.service, why=why)
        return ServiceAnswered(wanted.ask, ServiceMiss.UNAVAILABLE)

    async def _request(self, settings: ServiceSettings, values: Mapping[str, str]) -> Mapping[str, str] | ServiceMiss:
        if self._session is None:
            # No cookies: data of one caller must not reach the next.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX), cookie_jar=aiohttp.DummyCookieJar()
            )
        is_post = settings.method == "POST"
        async with self._session.request(
            settings.method,
            settings.url,
            headers=dict(settings.headers),
            params=None if is_post else dict(values),
            json=dict(values) if is_post else None,
            allow_redirects=False,
        ) as response:
            if response.status == 404:
                return ServiceMiss.NOT_FOUND
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            return response_fields(await body_of(response))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


async def body_of(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; raises ValueError when it is too large."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def response_fields(body: bytes) -> Mapping[str, str]:
    """The fields of a JSON object as text, those of inner objects as `outer.inner`; raises ValueError."""
    try:
        answer = json.loads(body, parse_constant=lambda _: None)
        if isinstance(answer, dict):
            return dict(_flat("", answer))
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    except ValueError:
        raise ValueError("the answer is not JSON") from None  # without the text, which has a customer's data
    raise ValueError("the answer is not a JSON object")


def _flat(path: str, value: object) -> list[tuple[str, str]]:
    match value:
        case dict():
            return [pair for key, inner in value.items() for pair in _flat(f"{path}.{key}" if path else key, inner)]
        case bool():
            return [(path, "yes" if value else "no")]
        case str() | int() | float():
            return [(path, _sayable(str(value)[:VALUE_CHARS_MAX]))]
        case _:
            return []  # lists and nulls cannot be said in a sentence


def _sayable(text: str) -> str:
    """The text without characters that cannot be said or stored; a line break becomes a blank."""
    blank = "".join(" " if char.isspace() else char for char in text)
    return "".join(char for char in blank if char.isprintable())
