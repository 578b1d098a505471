"""URIs as SIP writes them (RFC 3261 section 19.1, grammar in section 25.1)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

from acdcore.kernel.errors import PeerError
from acdcore.sip.syntax.charset import decoded, encoded, readable

Params: TypeAlias = tuple[tuple[str, str | None], ...]
"""Parameters in the order written: (lower-case name, value or None for a flag such as `lr`)."""

URI_CHARS_MAX = 2048
"""Longest URI looked at; the longest of RFC 4475 has some 600 characters, and a datagram holds few more."""
REMEMBERED_MAX = 4096
"""URIs (and addresses) remembered once read: the messages of a call repeat them, and 150 calls have some 1,000."""

# SIP-URI   = "sip:" [ userinfo "@" ] hostport uri-parameters [ headers ]     (RFC 3261 section 25.1)
# userinfo  = ( user / telephone-subscriber ) [ ":" password ]
# hostport  = host [ ":" port ]
# "#" in the user is not in the grammar, but keypads produce it and many phones do not escape it.
# All loops are unrolled, and those over single characters possessive: what follows a loop cannot stand within it, so
# that hostile text is looked at a fixed number of times. Groups are not possessive: CPython before 3.11.5 then forgets
# what they matched.
_SIP_URI = re.compile(
    r"(?:(?![:@])([A-Za-z0-9\-_.!~*'()&=+$,;?/#]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-_.!~*'()&=+$,;?/#]*+)*)"
    r"(?::([A-Za-z0-9\-_.!~*'()&=+$,]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-_.!~*'()&=+$,]*+)*))?@)?"
    r"([A-Za-z0-9._\-]++|\[[0-9A-Fa-f:.]++\])"
    r"(?::([0-9]{1,5}))?"
    r"((?:;[A-Za-z0-9\-_.!~*'()\[\]/:&+$=;]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-_.!~*'()\[\]/:&+$=;]*+)*)?)"
    r"(?:\?([A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]*+)*))?"
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]++")
_OTHER_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+:[!-;=?-~]*+")

# Parameters that never match an absent one, RFC 3261 section 19.1.4.
_PARAMS_THAT_MUST_BE_IN_BOTH = ("user", "ttl", "method", "maddr", "transport")
# An escaped reserved character differs from the bare one, RFC 3261 section 19.1.4 (reserved: RFC 2396 section 2.2).
_RESERVED = frozenset(b";/?:@&=+$,")


class MalformedValue(PeerError):
    """A URI, a header value or a start line breaks its grammar or a limit; `sip_status` says how to answer."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.sip_status = status


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:` or `sips:` URI; `==` compares the spelling, `is_equivalent` the meaning."""

    scheme: str
    """`sip` or `sips`, lower case."""
    user: str
    """User part, escaped also where the sender forgot it; empty when absent. Read `username` to compare or to show."""
    host: str
    """Domain name or IP literal, IPv6 without its brackets, spelled as on the wire."""
    port: int | None = None
    """Port, None when not written."""
    params: Params = ()
    """URI parameters, values still escaped."""
    password: str | None = None
    """Password part, still escaped; None when absent."""
    headers: Params = ()
    """What stands after `?`, names as written, still escaped."""

    @classmethod
    def parse(cls, text: str) -> "SipUri":
        """Read a `sip:` or `sips:` URI; raises MalformedValue."""
        scheme, _, rest = (text if text.isascii() else octets_escaped(text)).partition(":")
        scheme = scheme.lower()
        found = _SIP_URI.fullmatch(rest) if len(text) <= URI_CHARS_MAX else None
        if found is None or scheme not in ("sip", "sips"):
            raise MalformedValue("not a SIP URI")
        user, password, host, port, params, headers = found.groups()
        if host[0] == "[":
            host = _ipv6(host[1:-1])
        return cls(
            scheme,
            user or "",
            host,
            None if port is None else _port(port),
            _uri_params(params[1:], ";") if params else (),
            password,
            _uri_params(headers, "&") if headers else (),
        )

    def __str__(self) -> str:
        secret = "" if self.password is None else f":{self.password}"
        userinfo = f"{self.user}{secret}@" if self.user else ""
        address = f"{self.scheme}:{userinfo}{self.hostport}"
        if not self.params and not self.headers:
            return address
        params = "".join([f";{n}" if v is None else f";{n}={v}" for n, v in self.params])
        headers = "&".join([n if v is None else f"{n}={v}" for n, v in self.headers])
        return f"{address}{params}{'?' if headers else ''}{headers}"

    @property
    def hostport(self) -> str:
        """Host and, when written, port, as a header shows them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def username(self) -> str:
        """The user part unescaped; escapes that do not spell printable text stay as they are."""
        return unescaped(self.user)

    @property
    def is_loose(self) -> bool:
        """Whether this URI names a loose router (`;lr`, RFC 3261 section 19.1.1)."""
        return any(name == "lr" for name, _ in self.params)

    @property
    def transport(self) -> str | None:
        """The `transport` parameter in lower case, None when absent."""
        value = self.param("transport")
        return None if value is None else value.lower()

    def param(self, name: str) -> str | None:
        """Value of a parameter: None when absent, empty for a flag."""
        return find_param(self.params, name)

    def is_equivalent(self, other: "SipUri") -> bool:
        """Whether both mean the same, RFC 3261 section 19.1.4 (not transitive, hence not `==`)."""
        if (self.scheme, self.port) != (other.scheme, other.port) or self.host.lower() != other.host.lower():
            return False
        if _comparable(self.user) != _comparable(other.user):
            return False
        if _comparable(self.password or "") != _comparable(other.password or ""):
            return False
        return self._params_match(other) and _header_set(self.headers) == _header_set(other.headers)

    def _params_match(self, other: "SipUri") -> bool:
        mine, theirs = _param_map(self.params), _param_map(other.params)
        if any((name in mine) != (name in theirs) for name in _PARAMS_THAT_MUST_BE_IN_BOTH):
            return False
        return all(theirs[name] == value for name, value in mine.items() if name in theirs)


@dataclass(frozen=True, slots=True)
class OtherUri:
    """Any other URI: kept and shown, never routed on; the wildcard Contact `*` is one with an empty scheme."""

    scheme: str
    """Scheme in lower case, such as `tel`; empty when the text is no URI at all."""
    opaque: str
    """What follows the colon, as written."""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.opaque}" if self.scheme else self.opaque

    @property
    def user(self) -> str:
        """The number of a `tel:` URI (RFC 3966) without visual separators, empty for other schemes."""
        if self.scheme != "tel":
            return ""
        return self.opaque.partition(";")[0].translate({ord(mark): None for mark in "-.()"})

    @property
    def username(self) -> str:
        """The same as `user`, so that both kinds of URI can be asked for a number."""
        return self.user


Uri: TypeAlias = SipUri | OtherUri


@lru_cache(REMEMBERED_MAX)
def parse_uri(text: str) -> Uri:
    """Read any absolute URI; raises MalformedValue."""
    if text[:4].lower() == "sip:" or text[:5].lower() == "sips:":
        return SipUri.parse(text)
    if len(text) > URI_CHARS_MAX or _OTHER_URI.fullmatch(text := octets_escaped(text)) is None:
        raise MalformedValue("not a URI")
    scheme, _, opaque = text.partition(":")
    return OtherUri(scheme.lower(), opaque)


def escaped_user(text: str) -> str:
    """A plain user part as it stands in a URI (RFC 3261 section 25.1: unreserved and user-unreserved stay)."""
    return quote(text, safe="-_.!~*'()&=+$,;?/")


def octets_escaped(text: str) -> str:
    """`text` with every byte beyond ASCII as `%HH`: phones put names into URIs as they are, in UTF-8 and in GBK."""
    return _NOT_ASCII.sub(lambda found: quote(encoded(found[0])), text)


def unescaped(text: str) -> str:
    """`text` with its `%HH` escapes resolved, or as it was when that is not printable text (UTF-8, else GB18030)."""
    if "%" not in text:
        return text
    plain = readable(decoded(unquote_to_bytes(text)))
    return plain if plain.isprintable() and "\N{REPLACEMENT CHARACTER}" not in plain else text


def find_param(params: Params, name: str) -> str | None:
    """First value under `name` (lower case): None when absent, empty for a flag."""
    for key, value in params:
        if key == name:
            return value or ""
    return None


def _uri_params(text: str, separator: str) -> Params:
    pairs: list[tuple[str, str | None]] = []
    for item in text.split(separator):
        name, equals, value = item.partition("=")
        if not name:
            raise MalformedValue("URI parameter without a name")
        pairs.append((name.lower() if separator == ";" else name, value if equals else None))
    return tuple(pairs)


def _port(digits: str) -> int:
    port = int(digits)
    if port > 65535:
        raise MalformedValue("port above 65535")
    return port


def _ipv6(text: str) -> str:
    # RFC 3261's grammar allows three colons before an IPv4 part; both spellings are read (RFC 5118 section 4.10).
    text = text.replace(":::", "::")
    try:
        IPv6Address(text)
    except AddressValueError:
        raise MalformedValue("not an IPv6 address") from None
    return text


def _comparable(text: str) -> str:
    """`text` with needless escapes removed and the others in upper case."""
    if "%" not in text:
        return text
    head, *escapes = text.split("%")
    parts = [head]
    for escape in escapes:
        code = int(escape[:2], 16)
        is_kept = code in _RESERVED or not 0x21 <= code <= 0x7E
        parts.append((f"%{code:02X}" if is_kept else chr(code)) + escape[2:])
    return "".join(parts)


def _param_map(params: Params) -> dict[str, str]:
    return {name: _comparable(value or "").lower() for name, value in params}


def _header_set(headers: Params) -> list[tuple[str, str]]:
    return sorted((name.lower(), _comparable(value or "")) for name, value in headers)
