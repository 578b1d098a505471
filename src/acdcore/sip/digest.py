"""Digest authentication, both sides (RFC 7616 as RFC 3261 section 22 and RFC 8760 use it): MD5 and SHA-256, qop=auth.

A server's nonce carries its time of issue under an HMAC, so that none has to be remembered until it is first used well;
from then on its counter is kept, and a repeated or smaller counter is refused.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import IdSource
from acdcore.sip.headers import quoted, split_values, unquoted
from acdcore.sip.uri import MalformedValue, SipUri

Algorithm: TypeAlias = Literal["SHA-256", "MD5"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("SHA-256", "MD5")
"""The stronger first, the order in which challenges are sent (RFC 8760 section 2.4)."""
COUNTED_NONCES_MAX: Final = 4096
"""Nonces whose counters are kept: 1,300 agents with three phones each; with more, the oldest turn stale early."""
CLIENT_NONCES_MAX: Final = 16
"""Nonces that a client counts; a server hands out one at a time, and more only behind a load balancer."""

FindHa1: TypeAlias = Callable[[str, str], str | None]
"""(user, algorithm) -> hex HA1, None for an unknown user."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The credentials are right."""

    user: str
    """Who it is."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """There are no usable credentials yet: send 401 or 407 with `DigestServer.challenge`."""

    stale: bool
    """The password was right but the nonce is old or its counter used: the client may repeat without asking anyone."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The credentials are wrong."""

    reason: str
    """For the log only; the peer is not told what was wrong."""
    user: str = ""
    """Whose password was guessed wrong; empty when nothing was guessed."""


Verdict: TypeAlias = Verified | Challenge | Denied


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """One WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    """Shown to people, and part of the secret."""
    nonce: str
    """The server's, opaque."""
    algorithm: Algorithm
    """MD5 when the server names none."""
    opaque: str | None
    """To be sent back unchanged; None when absent."""
    has_qop_auth: bool
    """False for a server of RFC 2069 that knows no qop."""
    is_stale: bool
    """The last credentials were right, only the nonce was old."""


class DigestServer:
    """Challenges and verifies; keeps nothing of a client until its password was right once."""

    def __init__(
        self,
        realm: str,
        secret: bytes,
        ids: IdSource,
        nonce_ttl_s: float = 300.0,
        algorithms: tuple[Algorithm, ...] = ALGORITHMS,
    ) -> None:
        self._realm = realm
        self._secret = secret
        self._ids = ids
        self._nonce_ttl_s = nonce_ttl_s
        self._algorithms = algorithms
        self._counts: dict[str, int] = {}  # nonce -> greatest counter accepted, in the order of first use
        self._forgotten_until = float("-inf")  # nonces issued up to then may have been used and forgotten
        self._decoys: dict[str, str] = {name: _hash(name, ids.token(16)) for name in ALGORITHMS}

    def challenge(self, now: float, stale: bool = False, source: str = "") -> tuple[str, ...]:
        """Values for one WWW-Authenticate or Proxy-Authenticate header each, all with one fresh nonce.

        The nonce is good for requests of the same `source` only: a wrong password is then surely of somebody who
        receives what is sent there, and nobody is banned for what others send under his address.
        """
        nonce = self._issue(now, source)
        end = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm={quoted(self._realm)}, nonce="{nonce}", algorithm={name}, qop="auth"{end}'
            for name in self._algorithms
        )

    def verify(
        self,
        authorization_values: Iterable[str],
        method: str,
        request_uri: str,
        find_ha1: FindHa1,
        now: float,
        source: str = "",
    ) -> Verdict:
        """Judge the Authorization (or Proxy-Authorization) lines of a request; other realms are passed over.

        An unknown user costs the same hashing as a known one; `find_ha1` should not betray the difference either.
        """
        for value in authorization_values:
            credentials = _credentials(value)
            if credentials is not None and credentials.get("realm") == self._realm:
                issued = self._issued_at(credentials.get("nonce", ""), source)
                if issued is None:
                    return Challenge(stale=False)
                return self._judge(credentials, method, request_uri, find_ha1, now, issued)
        return Challenge(stale=False)

    def _judge(
        self,
        credentials: dict[str, str],
        method: str,
        request_uri: str,
        find_ha1: FindHa1,
        now: float,
        issued: float,
    ) -> Verdict:
        user, nonce = credentials.get("username", ""), credentials.get("nonce", "")
        algorithm = _algorithm(credentials.get("algorithm"))
        count = _count(credentials.get("nc", ""))
        if algorithm not in self._algorithms:
            return Challenge(stale=False)
        if count is None or credentials.get("qop") != "auth" or not credentials.get("cnonce"):
            return Denied("qop=auth with nc and cnonce expected")
        if not _is_same_uri(credentials.get("uri", ""), request_uri):
            return Denied("credentials for another URI")
        known = find_ha1(user, algorithm)
        expected = _response(algorithm, known or self._decoys[algorithm], method, credentials)
        is_right = hmac.compare_digest(expected.encode(), credentials.get("response", "").lower().encode())
        if known is None or not is_right:
            return Denied("unknown user or wrong password", user)
        if not self._is_fresh(nonce, issued, now) or count <= self._counts.get(nonce, 0):
            return Challenge(stale=True)
        self._remember(nonce, count)
        return Verified(user)

    def _issue(self, now: float, source: str) -> str:
        stem = f"{int(now * 1000):012x}{self._ids.token(8)}"
        return stem + self._seal(stem, source)

    def _seal(self, stem: str, source: str) -> str:
        return hmac.new(self._secret, f"{self._realm}:{source}:{stem}".encode(), hashlib.sha256).hexdigest()[:32]

    def _issued_at(self, nonce: str, source: str) -> float | None:
        """When we issued `nonce` to `source`, None when we did not."""
        stem, seal = nonce[:-32], nonce[-32:]
        if not hmac.compare_digest(self._seal(stem, source).encode(), seal.encode(errors="replace")):
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


class DigestClient:
    """Answers challenges for one account, as a user agent does towards a trunk."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._counts: dict[str, int] = {}  # nonce -> last counter sent

    def authorise(self, challenge_values: Iterable[str], method: str, uri: str, ids: IdSource) -> str:
        """Value for Authorization or Proxy-Authorization, by the strongest challenge that we know; raises Refused."""
        challenges = [challenge for value in challenge_values if (challenge := parse_challenge(value)) is not None]
        if not challenges:
            raise Refused("no digest challenge with a known algorithm")
        chosen = min(challenges, key=lambda challenge: ALGORITHMS.index(challenge.algorithm))
        fields = {"username": self._user, "realm": chosen.realm, "nonce": chosen.nonce, "uri": uri}
        if chosen.has_qop_auth:
            fields |= {"qop": "auth", "nc": f"{self._next_count(chosen.nonce):08x}", "cnonce": ids.token(8)}
        secret = ha1(self._user, chosen.realm, self._password, chosen.algorithm)
        fields["response"] = _response(chosen.algorithm, secret, method, fields)
        fields["algorithm"] = chosen.algorithm
        if chosen.opaque is not None:
            fields["opaque"] = chosen.opaque
        return "Digest " + ", ".join([f"{name}={_as_written(name, value)}" for name, value in fields.items()])

    def _next_count(self, nonce: str) -> int:
        count = self._counts.pop(nonce, 0) + 1
        self._counts[nonce] = count
        if len(self._counts) > CLIENT_NONCES_MAX:
            del self._counts[next(iter(self._counts))]
        return count


def ha1(user: str, realm: str, password: str, algorithm: str) -> str:
    """The hex secret that a server keeps for a user (RFC 7616 section 3.4.2); `algorithm` is one of ALGORITHMS."""
    return _hash(algorithm, f"{user}:{realm}:{password}")


def parse_challenge(value: str) -> DigestChallenge | None:
    """Read one challenge; None when it is malformed or beyond us (other scheme, algorithm, or qop without `auth`)."""
    fields = _credentials(value)
    if fields is None or "realm" not in fields or "nonce" not in fields:
        return None
    algorithm = _algorithm(fields.get("algorithm"))
    qops = [word.strip().lower() for word in fields.get("qop", "").split(",")] if "qop" in fields else []
    if algorithm is None or (qops and "auth" not in qops):
        return None
    is_stale = fields.get("stale", "").lower() == "true"
    return DigestChallenge(fields["realm"], fields["nonce"], algorithm, fields.get("opaque"), bool(qops), is_stale)


def _time_in(stem: str) -> float:
    return int(stem[:-16], 16) / 1000


def _credentials(value: str) -> dict[str, str] | None:
    """The parameters of a `Digest` value by lower-case name; None for another scheme or a malformed one."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        return None
    fields: dict[str, str] = {}
    try:
        for item in split_values(rest.strip()):
            name, _, text = item.partition("=")
            fields.setdefault(name.strip().lower(), unquoted(text.strip()))
    except MalformedValue:
        return None
    return fields


def _algorithm(name: str | None) -> Algorithm | None:
    wanted = (name or "MD5").upper()
    return next((known for known in ALGORITHMS if known == wanted), None)


def _hash(algorithm: str, text: str) -> str:
    match algorithm:
        case "SHA-256":
            return hashlib.sha256(text.encode()).hexdigest()
        case "MD5":
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        case _:
            raise ValueError(f"no digest algorithm: {algorithm}")


def _response(algorithm: str, secret: str, method: str, fields: dict[str, str]) -> str:
    """RFC 7616 section 3.4.1; without qop the form of RFC 2069."""
    request = _hash(algorithm, f"{method}:{fields.get('uri', '')}")
    if "qop" not in fields:
        return _hash(algorithm, f"{secret}:{fields['nonce']}:{request}")
    middle = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    return _hash(algorithm, f"{secret}:{middle}:{request}")


def _count(text: str) -> int | None:
    is_count = len(text) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in text)
    return int(text, 16) if is_count else None


def _is_same_uri(theirs: str, ours: str) -> bool:
    if theirs == ours:
        return True
    try:
        return SipUri.parse(theirs).is_equivalent(SipUri.parse(ours))
    except MalformedValue:
        return False


def _as_written(name: str, value: str) -> str:
    # RFC 7616 section 3.4: these three are not quoted.
    return value if name in ("algorithm", "qop", "nc") else quoted(value)
