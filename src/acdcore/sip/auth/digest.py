"""The server's side of digest authentication (RFC 7616 as RFC 3261 section 22 and RFC 8760 use it), with qop=auth.

A nonce carries its time of issue under an HMAC, so that none has to be remembered before its first right use; from
then on its counter is kept, and a repeated or smaller counter is refused. What phones write in their own way is read
leniently, but never so that a recorded request could be sent again:

- A response without qop (RFC 2069) has no counter; it counts once, and its nonce is stale from then on.
- `MD5-sess` and `SHA-256-sess` are taken from a client that prefers them, where the plain algorithm was offered.
- The `uri` may spell the Request-URI otherwise (port 5060 written or not, other parameters), not name another one.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol, TypeAlias

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_values import (
    ALGORITHMS,
    DEFAULT_ALGORITHMS,
    Algorithm,
    Hashing,
    count_of,
    digest_fields,
    hashed,
    hashing_of,
    response_of,
)
from acdcore.sip.syntax.charset import readable
from acdcore.sip.syntax.headers import DEFAULT_PORT, quoted
from acdcore.sip.syntax.uri import MalformedValue, SipUri

COUNTED_NONCES_MAX: Final = 4096
"""Nonces whose counters are kept: 1,300 agents with three phones each; with more, the oldest turn stale early."""
CREDENTIALS_TRIED_MAX: Final = 2
"""Credentials for our realm looked at in one request: one for each algorithm, or an older nonce's beside them."""
USED_UP: Final = 2**32
"""The counter of a nonce that was used without one: no counter is greater."""


class Accounts(Protocol):
    """The accounts, and which algorithms each may use."""

    def algorithms(self, user: str) -> tuple[Algorithm, ...]:
        """Which algorithms count for this user; for one who does not exist an answer that tells nothing."""
        ...

    def ha1(self, user: str, algorithm: Algorithm) -> str | None:
        """The hex HA1, None for an unknown user."""
        ...


@dataclass(frozen=True, slots=True)
class RequestToVerify:
    """The request that the credentials must belong to."""

    method: str
    """Its method."""
    uri: str
    """Its Request-URI."""
    source: str = ""
    """Where it came from, as given to `challenge`."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The credentials are right."""

    user: str
    """Who it is."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """There are no usable credentials yet: send 401 or 407 with `DigestServer.challenge`."""

    stale: bool
    """The nonce is old or its counter used, or it was for other algorithms: the client may repeat without asking."""
    user: str = ""
    """Who the credentials name, and so whose algorithms to offer; empty when there are none."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The credentials are wrong."""

    reason: str
    """For the log only; the peer is not told what was wrong."""
    user: str = ""
    """Whose password was guessed wrong; empty when nothing was guessed."""


DigestVerdict: TypeAlias = Verified | Challenge | Denied
_WORTH: Final = (Challenge, Denied)
"""Of several credentials that prove nothing the first kind counts; right ones, or a wrong password, end the search."""


class DigestServer:
    """Challenges and verifies; keeps nothing of a client until its password was right once."""

    def __init__(self, realm: str, secret: bytes, ids: IdSource, nonce_ttl_s: float = 300.0) -> None:
        self._realm = realm
        self._secret = secret
        self._ids = ids
        self._nonce_ttl_s = nonce_ttl_s
        self._counts: dict[str, int] = {}  # nonce -> greatest counter accepted, in the order of first use
        self._forgotten_until = float("-inf")  # nonces issued up to then may have been used and forgotten
        self._decoys: dict[Algorithm, str] = {name: hashed(name, ids.token(16)) for name in ALGORITHMS}

    def challenge(
        self,
        now: float,
        algorithms: tuple[Algorithm, ...] = DEFAULT_ALGORITHMS,
        stale: bool = False,
        source: str = "",
    ) -> tuple[str, ...]:
        """Values for one WWW-Authenticate or Proxy-Authenticate each, in this order, all with one fresh nonce.

        The nonce is good for requests of the same `source` only: the sender of a wrong password then
        certainly receives what is sent there, and nobody is banned for what others send under his address.
        """
        nonce = self._issue(now, source)
        end = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm={quoted(self._realm)}, nonce="{nonce}", algorithm={name}, qop="auth"{end}'
            for name in algorithms
        )

    def is_addressed(self, authorization_values: Iterable[str]) -> bool:
        """Whether there are credentials for our realm: a peer may send those for its own, or another's."""
        return next(self._ours(authorization_values), None) is not None

    def verify(
        self, authorization_values: Iterable[str], asked: RequestToVerify, accounts: Accounts, now: float
    ) -> DigestVerdict:
        """Judge the Authorization (or Proxy-Authorization) lines of a request; other realms are ignored.

        An unknown user costs the same hashing as a known one; `accounts` should not betray the difference either.
        """
        verdicts: list[DigestVerdict] = []
        for credentials in islice(self._ours(authorization_values), CREDENTIALS_TRIED_MAX):
            verdict = self._judge(credentials, asked, accounts, now)
            if isinstance(verdict, Verified) or (isinstance(verdict, Denied) and verdict.user):
                return verdict  # a request is one guess, and other credentials must not hide that it was wrong
            verdicts.append(verdict)
        return min(verdicts, key=lambda verdict: _WORTH.index(type(verdict)), default=Challenge(stale=False))

    def _ours(self, authorization_values: Iterable[str]) -> Iterator[dict[str, str]]:
        for value in authorization_values:
            for credentials in digest_fields(value):
                # The realm is case-sensitive where it is hashed; where it is compared, some clients change its case.
                if credentials.get("realm", "").lower() == self._realm.lower():
                    yield credentials

    def _judge(
        self, credentials: dict[str, str], asked: RequestToVerify, accounts: Accounts, now: float
    ) -> DigestVerdict:
        user, nonce = readable(credentials.get("username", "")), credentials.get("nonce", "")
        hashing = hashing_of(credentials.get("algorithm"))
        issued = self._issued_at(nonce, asked.source)
        if hashing is None or issued is None:
            return Challenge(stale=False, user=user)
        if hashing.algorithm not in accounts.algorithms(user):
            # The first challenge was for whom the request named, this one is for whom the credentials name.
            return Challenge(stale=True, user=user)
        count = _count(credentials)
        if count is None:
            return Denied("qop=auth with nc and cnonce expected, or none of them")
        if not is_same_resource(credentials.get("uri", ""), asked.uri):
            return Denied("credentials for another URI")
        if not self._is_right(credentials, hashing, asked.method, accounts.ha1(user, hashing.algorithm)):
            return Denied("unknown user or wrong password", user)
        used = self._counts.get(nonce, 0)
        if not self._is_fresh(nonce, issued, now) or count <= used or (count == USED_UP and used):
            return Challenge(stale=True, user=user)
        self._remember(nonce, count)
        return Verified(user)

    def _is_right(self, credentials: dict[str, str], hashing: Hashing, method: str, known: str | None) -> bool:
        expected = response_of(hashing, known or self._decoys[hashing.algorithm], method, credentials)
        given = credentials.get("response", "").lower().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(expected.encode(), given) and known is not None

    def _issue(self, now: float, source: str) -> str:
        stem = f"{int(now * 1000):012x}{self._ids.token(8)}"
        return stem + self._seal(stem, source)

    def _seal(self, stem: str, source: str) -> str:
        sealed = f"{self._realm}:{source}:{stem}".encode("utf-8", "surrogateescape")
        return hmac.new(self._secret, sealed, hashlib.sha256).hexdigest()[:32]

    def _issued_at(self, nonce: str, source: str) -> float | None:
        """When we issued `nonce` to `source`, None when we did not."""
        stem, seal = nonce[:-32], nonce[-32:]
        if not hmac.compare_digest(self._seal(stem, source).encode(), seal.encode("utf-8", "surrogateescape")):
            return None
        return _time_in(stem)

    def _is_fresh(self, nonce: str, issued: float, now: float) -> bool:
        # One from the future was issued before the machine restarted and its monotonic clock began anew.
        if not issued <= now + 0.001 or now - issued > self._nonce_ttl_s:
            return False
        return nonce in self._counts or issued > self._forgotten_until

    def _remember(self, nonce: str, count: int) -> None:
        self._counts[nonce] = count
        if len(self._counts) > COUNTED_NONCES_MAX:
            oldest = next(iter(self._counts))
            del self._counts[oldest]
            self._forgotten_until = max(self._forgotten_until, _time_in(oldest[:-32]))


def _time_in(stem: str) -> float:
    return int(stem[:-16], 16) / 1000


def is_same_resource(theirs: str, ours: str) -> bool:
    """Whether the `uri` of credentials names our Request-URI: user, host and port; the rest may be spelled otherwise.

    Phones write the port or leave it out, add `;transport=` or lose it, and say `sips` for `sip`.
    """
    if theirs == ours:
        return True
    try:
        return _resource(SipUri.parse(theirs)) == _resource(SipUri.parse(ours))
    except MalformedValue:
        return False


def _resource(uri: SipUri) -> tuple[str, str, int]:
    return uri.username, uri.host.lower(), uri.port or DEFAULT_PORT


def _count(credentials: dict[str, str]) -> int | None:
    """The request's counter; USED_UP for a client of RFC 2069, which has none; None when it is not to be read."""
    if "qop" not in credentials:
        return USED_UP
    if credentials["qop"].lower() != "auth" or not credentials.get("cnonce"):
        return None
    return count_of(credentials.get("nc", ""))
