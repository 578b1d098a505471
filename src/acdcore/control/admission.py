"""Checks a request's API key and its right, and slows down those who guess keys.

| who asks                                   | a wrong key gets                                                   |
|--------------------------------------------|--------------------------------------------------------------------|
| a source that has shown a right key before | 401; never banned, because a proxy's address is that of all clients |
| an address of trunks or phones             | 401; from the third on 429 for 1 s, up to 4 s; never banned         |
| any other source                           | 401; from the third on 429 for 1 s, twice as long each time; a ban  |

A ban concerns keys only: health checks and the description, which need no key, are still answered.
"""

from http import HTTPStatus
from math import ceil

from aiohttp import web

from acdcore.calls.admission.refusals import Refusals
from acdcore.control.errors import ApiError
from acdcore.control.keys import Keyring, secret_of
from acdcore.control.settings import Right
from acdcore.kernel.buckets import source_of
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.lockout import API_KEYS
from acdcore.kernel.refusal_log import Refusal


class KeyCheck:
    """Finds the client whose key a request carries."""

    def __init__(self, keyring: Keyring, refusals: Refusals, bus: EventBus, clock: Clock) -> None:
        self._keyring = keyring
        self._refusals = refusals
        self._bus = bus
        self._lockout = refusals.lockout
        self._clock = clock

    def admit(self, request: web.Request, right: Right) -> str:
        """The name of the request's key; raises ApiError when there is no known key, or its right is too low."""
        now = self._clock.now()
        host = request.remote or ""
        source = source_of(host)
        secret = secret_of(request.headers)
        is_proven = self._lockout.is_proven(source, API_KEYS)
        wait_s = 0.0 if is_proven else max(self._lockout.banned_for_s(source, now), self._wait_s(source, now))
        if secret and wait_s > 0:
            self._refuse(host, "held up after wrong keys")
            raise too_many(wait_s)
        key = self._keyring.find(secret) if secret else None
        if key is None:
            self._refuse(host, "unknown key" if secret else "no key")
            is_shared = self._refusals.is_shared(host)
            ban = self._lockout.failed(source, API_KEYS, now, is_shared) if secret else None
            if ban is not None:
                self._bus.publish(ban)
            raise unauthorized(is_unknown=bool(secret))
        self._lockout.succeeded(source, API_KEYS)
        if key.right < right:
            self._refuse(host, "right is missing", key.name)
            message = f"the key {key.name!r} has the right {key.right.name.lower()}; this needs {right.name.lower()}"
            raise ApiError(HTTPStatus.FORBIDDEN, "forbidden", message)
        return key.name

    def _wait_s(self, source: str, now: float) -> float:
        return self._lockout.delay_s(source, API_KEYS, now)

    def _refuse(self, host: str, reason: str, name: str = "") -> None:
        is_known = self._refusals.is_shared(host)
        self._refusals.refused(Refusal("api_key", reason, host, is_proven=True, is_known=is_known, user=name))


def unauthorized(*, is_unknown: bool) -> ApiError:
    """The error 401, for a missing or an unknown key."""
    what = "this key is not known" if is_unknown else "a key is needed"
    message = f"{what}; send one that is configured, as Authorization: Bearer ... or as X-API-Key: ..."
    error = ApiError(HTTPStatus.UNAUTHORIZED, "unauthorized", message)
    error.headers = {"WWW-Authenticate": 'Bearer realm="acdcore"'}
    return error


def too_many(wait_s: float) -> ApiError:
    """The error 429, with Retry-After."""
    seconds = ceil(wait_s)
    message = f"too many wrong keys came from this address; try again in {seconds} s"
    error = ApiError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", message)
    error.headers = {"Retry-After": str(seconds)}
    return error
