"""HTTP services that flows ask: one request with a deadline, a small answer in JSON, its fields as words."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from acdcore.ivr.kinds import ServiceMiss
from acdcore.ivr.steps import Ask, ServiceAnswered

ANSWER_BYTES_MAX = 64 * 1024
"""Larger answers are not meant for a caller's ear."""
CONNECTIONS_MAX = 100
"""At once over all services: more would mean that the service does not answer."""
VALUE_CHARS_MAX = 1_000
"""Longer fields are cut: nobody listens to them."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One service."""

    url: str
    """Where it is asked."""
    method: str = "GET"
    """GET sends the values as the query, POST as a JSON object."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with each request; secrets come from the environment."""


class Services:
    """Asks; one for the daemon, with its connections kept open."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, settings: ServiceSettings, wanted: Ask) -> ServiceAnswered:
        """The answer's fields; never raises for what the service does, and never outlasts the deadline."""
        try:
            async with asyncio.timeout(wanted.timeout_s):
                return ServiceAnswered(wanted.ask, await self._request(settings, wanted.values))
        except TimeoutError:
            return ServiceAnswered(wanted.ask, ServiceMiss.UNAVAILABLE)
        except (aiohttp.ClientError, OSError, ValueError):
            return ServiceAnswered(wanted.ask, ServiceMiss.UNAVAILABLE)

    async def _request(self, settings: ServiceSettings, values: Mapping[str, str]) -> Mapping[str, str] | ServiceMiss:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX))
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
                return ServiceMiss.UNAVAILABLE
            body = await response.content.read(ANSWER_BYTES_MAX + 1)
        return fields_of(body)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def fields_of(body: bytes) -> Mapping[str, str]:
    """The fields of a JSON object as words, those of inner objects as `outer.inner`; raises ValueError."""
    if len(body) > ANSWER_BYTES_MAX:
        raise ValueError(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is not a JSON object")
    return dict(_flat("", answer))


def _flat(path: str, value: object) -> list[tuple[str, str]]:
    match value:
        case dict():
            return [pair for key, inner in value.items() for pair in _flat(f"{path}.{key}" if path else key, inner)]
        case bool():
            return [(path, "yes" if value else "no")]
        case str() | int() | float():
            return [(path, str(value)[:VALUE_CHARS_MAX])]
        case _:
            return []  # lists and nulls have no place in a sentence
