"""The client's side of digest authentication: answers the challenges of trunks and of proxies before them.

One `DigestClient` serves one call. It remembers the last challenge of each realm, so that requests within the dialog
carry credentials at once, each with a greater counter (RFC 3261 section 22.2 and 22.3, RFC 7616 section 3.3):

- Each realm gets an answer of its own: to 401 an Authorization, to 407 a Proxy-Authorization, or both.
- Of several challenges of a realm the strongest one that we know is answered; unknown algorithms are ignored.
- `auth` goes before `auth-int`; a challenge without qop gets the answer of RFC 2069.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_values import (
    ALGORITHMS,
    Algorithm,
    Hashing,
    as_digest,
    digest_fields,
    digest_ha1,
    hashing_of,
    response_of,
)
from acdcore.sip.syntax.message import Field, Headers, Request, Response

ChallengeField: TypeAlias = Literal["WWW-Authenticate", "Proxy-Authenticate"]
ANSWERED_BY: Final[dict[ChallengeField, str]] = {
    "WWW-Authenticate": "Authorization",
    "Proxy-Authenticate": "Proxy-Authorization",
}
"""Which field of the request answers which of the response (sections 22.2 and 22.3)."""
REALMS_MAX: Final = 8
"""Realms that a client answers at once: a few proxies on the way and the peer; the oldest goes for the newest."""


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """One WWW-Authenticate or Proxy-Authenticate value that we can answer."""

    realm: str
    """Shown to people, and part of the secret."""
    nonce: str
    """The server's, opaque."""
    hashing: Hashing
    """MD5 when the server names none."""
    opaque: str | None
    """To be sent back unchanged; None when absent."""
    qop: Literal["auth", "auth-int"] | None
    """The protection that we choose; None for a server of RFC 2069 that knows no qop."""
    is_stale: bool
    """The last credentials were right, only the nonce was old."""

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """The smaller the better: the stronger hash, the plain form, the cheaper protection."""
        return ALGORITHMS.index(self.hashing.algorithm), self.hashing.is_session, self.qop == "auth-int"


@dataclass(slots=True)
class _AnsweredChallenge:
    """A challenge that is being answered."""

    challenge: DigestChallenge
    cnonce: str
    """One for the whole life of the nonce: `-sess` binds the secret to it (RFC 7616 section 3.4.2)."""
    count: int = 0
    """Requests sent with this nonce."""


class DigestClient:
    """Answers challenges for one account, as a user agent does towards a trunk."""

    def __init__(self, user: str, password: str, algorithms: tuple[Algorithm, ...] = ALGORITHMS) -> None:
        """Only `algorithms` are answered, so that nobody on the path can ask for a weaker one."""
        self._user = user
        self._password = password
        self._algorithms = algorithms
        self._answered: dict[
            tuple[ChallengeField, str], _AnsweredChallenge
        ] = {}  # by field and realm, the oldest first
        self._renewed: set[tuple[ChallengeField, str]] = set()  # realms whose nonce was stale at the present request

    def answers(self, request: Request, response: Response, ids: IdSource, is_first: bool) -> bool:
        """Take the challenges of a 401 or 407 to `request`; False where sending it again would be useless.

        A realm whose credentials the request had is tried again only for a stale nonce, and once, or when they were of
        an earlier challenge (`is_first`: the request has not been challenged yet).
        """
        has_new = False
        if is_first:
            self._renewed.clear()
        for field, answer in ANSWERED_BY.items():
            given = {
                fields.get("realm") for value in request.headers.get_all(answer) for fields in digest_fields(value)
            }
            for challenge in self._best(response.headers.get_all(field)):
                is_renewal = not is_first and challenge.realm in given
                if is_renewal and (not challenge.is_stale or (field, challenge.realm) in self._renewed):
                    continue
                if is_renewal:
                    self._renewed.add((field, challenge.realm))
                self._take(field, challenge, ids)
                has_new = True
        return has_new

    def credentials(self, method: str, uri: str, body: bytes = b"") -> tuple[Field, ...]:
        """The fields that answer all answered challenges, with the next counters; empty before the first challenge."""
        return tuple(
            (ANSWERED_BY[field], self._answer(answered, method, uri, body))
            for (field, _), answered in self._answered.items()
        )

    def _best(self, values: Iterable[str]) -> list[DigestChallenge]:
        """The challenge to be answered of each realm."""
        best: dict[str, DigestChallenge] = {}
        for challenge in parse_challenges(values):
            if challenge.hashing.algorithm in self._algorithms:
                present = best.setdefault(challenge.realm, challenge)
                best[challenge.realm] = min(present, challenge, key=lambda each: each.rank)
        return list(best.values())

    def _take(self, field: ChallengeField, challenge: DigestChallenge, ids: IdSource) -> _AnsweredChallenge:
        known = self._answered.pop((field, challenge.realm), None)
        if known is not None and known.challenge.nonce == challenge.nonce:
            known.challenge = challenge  # the counter goes on as long as the nonce is the same
            answered = known
        else:
            answered = _AnsweredChallenge(challenge, ids.token(8))
        self._answered[field, challenge.realm] = answered
        if len(self._answered) > REALMS_MAX:
            del self._answered[next(iter(self._answered))]
        return answered

    def _answer(self, answered: _AnsweredChallenge, method: str, uri: str, body: bytes) -> str:
        challenge, hashing = answered.challenge, answered.challenge.hashing
        fields = {"username": self._user, "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
        if challenge.qop is not None:
            answered.count += 1
            fields |= {"qop": challenge.qop, "nc": f"{answered.count:08x}", "cnonce": answered.cnonce}
        elif hashing.is_session:
            fields["cnonce"] = answered.cnonce
        secret = digest_ha1(self._user, challenge.realm, self._password, hashing.algorithm)
        fields["response"] = response_of(hashing, secret, method, fields, body)
        fields["algorithm"] = str(hashing)
        if challenge.opaque is not None:
            fields["opaque"] = challenge.opaque
        return as_digest(fields)


def with_credentials(headers: Headers, fields: Iterable[Field]) -> Headers:
    """The headers of a request with these credentials instead of those that it had."""
    kept = [entry for entry in headers if entry[0] not in ANSWERED_BY.values()]
    return Headers([*kept, *fields])


def parse_challenges(values: Iterable[str]) -> list[DigestChallenge]:
    """The challenges in these header lines that we can answer; malformed ones and unknown algorithms are left out."""
    read = (_challenge(fields) for value in values for fields in digest_fields(value))
    return [challenge for challenge in read if challenge is not None]


def _challenge(fields: dict[str, str]) -> DigestChallenge | None:
    hashing = hashing_of(fields.get("algorithm"))
    if hashing is None or "realm" not in fields or not fields.get("nonce"):
        return None
    qops = [word.strip().lower() for word in fields.get("qop", "").split(",") if word.strip()]
    qop: Literal["auth", "auth-int"] | None = None
    if qops:
        known: tuple[Literal["auth", "auth-int"], ...] = ("auth", "auth-int")
        qop = next((name for name in known if name in qops), None)
        if qop is None:
            return None
    is_stale = fields.get("stale", "").strip().lower() == "true"
    return DigestChallenge(fields["realm"], fields["nonce"], hashing, fields.get("opaque"), qop, is_stale)
