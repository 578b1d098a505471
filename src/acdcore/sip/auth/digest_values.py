"""What both sides of digest share: algorithms, the response, and the header fields' values (RFC 7616, RFC 8760)."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from acdcore.sip.syntax.headers import quoted, split_values, unquoted
from acdcore.sip.syntax.uri import MalformedValue

Algorithm: TypeAlias = Literal["SHA-256", "MD5"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("SHA-256", "MD5")
"""The stronger first."""
DEFAULT_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("MD5",)
"""What a server offers unless it is told otherwise: many phones fail at a challenge with any other, or with two."""
SESSION_SUFFIX: Final = "-SESS"
_HEX: Final = frozenset("0123456789abcdefABCDEF")
# challenge = auth-scheme 1*SP auth-param: where a value of a list begins with two tokens, a challenge begins.
_SCHEME = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]++)[ \t]++(?!=)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hashing:
    """How a response is calculated: the value of `algorithm`."""

    algorithm: Algorithm
    """The hash function."""
    is_session: bool = False
    """With `-sess` the secret is bound to the nonces of both sides (RFC 7616 section 3.4.2)."""

    def __str__(self) -> str:
        return f"{self.algorithm}-sess" if self.is_session else self.algorithm


def hashing_of(name: str | None) -> Hashing | None:
    """The hashing that `algorithm=name` asks for, in any case of letters; None where we do not know it.

    Without a name it is MD5 (RFC 7616 section 3.3).
    """
    wanted = (name or "MD5").strip().upper()
    base = wanted.removesuffix(SESSION_SUFFIX)
    known = next((algorithm for algorithm in ALGORITHMS if algorithm == base), None)
    return None if known is None else Hashing(known, base != wanted)


def algorithms_in(names: Iterable[str]) -> tuple[Algorithm, ...]:
    """Those of `names` that are algorithms, in their order."""
    return tuple(algorithm for name in names for algorithm in ALGORITHMS if algorithm == name)


def once_each(algorithms: tuple[Algorithm, ...]) -> tuple[Algorithm, ...]:
    """The algorithms as they are; raises ValueError when one stands among them twice."""
    if len(set(algorithms)) < len(algorithms):
        raise ValueError("names an algorithm twice; name each once, in the order in which they are to be offered")
    return algorithms


def digest_ha1(user: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """The hex secret that a server keeps for a user (RFC 7616 section 3.4.2)."""
    return hashed(algorithm, f"{user}:{realm}:{password}")


def response_of(hashing: Hashing, secret: str, method: str, fields: dict[str, str], body: bytes = b"") -> str:
    """The value of `response` (RFC 7616 section 3.4.1), without qop in the form of RFC 2069.

    `secret` is the HA1; `fields` has `nonce` and `uri`, and with qop also `qop`, `nc` and `cnonce`, as they are
    written. `body` counts for `auth-int` only.
    """
    name, nonce, cnonce = hashing.algorithm, fields.get("nonce", ""), fields.get("cnonce", "")
    if hashing.is_session:
        secret = hashed(name, f"{secret}:{nonce}:{cnonce}")
    request = f"{method}:{fields.get('uri', '')}"
    if fields.get("qop", "").lower() == "auth-int":
        request += f":{hashed(name, body)}"
    if "qop" not in fields:
        return hashed(name, f"{secret}:{nonce}:{hashed(name, request)}")
    return hashed(name, f"{secret}:{nonce}:{fields.get('nc', '')}:{cnonce}:{fields['qop']}:{hashed(name, request)}")


def hashed(algorithm: Algorithm, text: str | bytes) -> str:
    """Lower-case hex; bytes of a message that are no UTF-8 are hashed as they came."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def digest_fields(value: str) -> list[dict[str, str]]:
    """The parameters, by lower-case name, of each `Digest` in a header line; none in a malformed line.

    A line may hold several challenges (RFC 7235 section 4.1); those of other schemes are ignored. Quotes are taken
    away wherever they stand: phones also quote `algorithm`, `qop` and `nc`.
    """
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    try:
        for item in split_values(value.strip().strip(",")):
            begins = _SCHEME.fullmatch(item)
            if begins is not None or "=" not in item:
                fields = {}
                if begins is not None and begins[1].lower() == "digest":
                    found.append(fields)
            name, _, text = (begins[2] if begins is not None else item).partition("=")
            fields.setdefault(name.strip().lower(), unquoted(text.strip()))
    except MalformedValue:
        return []
    return found


def as_digest(fields: dict[str, str]) -> str:
    """A header value of these parameters; three are not quoted (RFC 7616 section 3.4)."""
    bare = ("algorithm", "qop", "nc")
    return "Digest " + ", ".join(f"{name}={text if name in bare else quoted(text)}" for name, text in fields.items())


def count_of(text: str) -> int | None:
    """The value of `nc`: eight hex digits, from some phones fewer."""
    return int(text, 16) if 0 < len(text) <= 8 and _HEX.issuperset(text) else None
