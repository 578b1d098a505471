"""SIP requests and replies (RFC 3261 section 7): immutable, with typed values read when first asked for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from acdcore.kernel.address import Address
from acdcore.sip.syntax.charset import encoded
from acdcore.sip.syntax.headers import (
    NameAddr,
    Via,
    parse_contact,
    parse_cseq,
    parse_name_addr,
    parse_seconds,
    parse_small_number,
    parse_top_via,
    parse_via,
    split_values,
)
from acdcore.sip.syntax.lazy import Essential, ReadOnce
from acdcore.sip.syntax.uri import MalformedValue, Uri

# Names as we spell them, each under its compact form (RFC 3261 section 7.3.3; RFCs 3515, 3841, 3892, 4028, 6665).
_COMPACT: Final = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From",
    "i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To",
    "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
}  # fmt: skip
# Names whose spelling is not that of capitalised words, and those worth finding at once.
_SPELLED: Final = (
    *_COMPACT.values(), "CSeq", "WWW-Authenticate", "MIME-Version", "RSeq", "RAck", "SIP-ETag", "SIP-If-Match",
    "Accept", "Allow", "Authorization", "Content-Disposition", "Expires", "Max-Forwards", "Min-Expires", "Min-SE",
    "P-Asserted-Identity", "P-Preferred-Identity", "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Reason",
    "Record-Route", "Require", "Route", "Server", "Timestamp", "Unsupported", "User-Agent", "Warning",
)  # fmt: skip
CANONICAL: Final[Mapping[str, str]] = {
    **_COMPACT, **{key.upper(): name for key, name in _COMPACT.items()},
    **{name.lower(): name for name in _SPELLED}, **{name: name for name in _SPELLED},
}  # fmt: skip
"""Usual spellings and the one that `Headers` keeps; `canonical` knows the others."""

REASONS: Final = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted", 204: "No Notification",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 429: "Provide Referrer Identity",
    430: "Flow Failed", 439: "First Hop Lacks Outbound Support", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip
"""Reason phrases by status, RFC 3261 section 21 and the IANA registry."""

DEFAULT_EXPIRES_S = 3600
"""What an Expires that cannot be read counts as, RFC 3261 section 10.2.1.1."""

Field: TypeAlias = tuple[str, str]
"""(name, value) of one header line; bytes of the value that are not UTF-8 are carried as `charset` says."""


def canonical(name: str) -> str:
    """A header name in the one spelling that `Headers` keeps; compact forms resolved."""
    known = CANONICAL.get(name)
    if known is not None:
        return known
    return CANONICAL.get(name.lower()) or "-".join([word.capitalize() for word in name.split("-")])


class Headers:
    """Header lines in order; names are case-insensitive and kept in their canonical spelling; never changed in place.

    Content-Length is not among them: it belongs to the framing, is checked by the parser and written by `serialise`.
    """

    __slots__ = ("_fields", "_first")

    def __init__(self, fields: Iterable[Field] = ()) -> None:
        self._fields: tuple[Field, ...] = tuple(
            [
                (name, value)
                for raw, value in fields
                if (name := CANONICAL.get(raw) or canonical(raw)) != "Content-Length"
            ]
        )
        self._first: dict[str, str] | None = None  # the first value under each name, once somebody asks

    @classmethod
    def from_canonical(cls, fields: Iterable[Field], first: dict[str, str] | None = None) -> "Headers":
        """Headers from names that are already canonical, and without Content-Length; unchecked.

        `first` is the first value under each name, when the caller has it already.
        """
        headers = cls.__new__(cls)
        headers._fields = tuple(fields)
        headers._first = first
        return headers

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"Headers({list(self._fields)!r})"

    def get(self, name: str) -> str | None:
        """Value of the first line under `name`, None when there is none."""
        first = self._first
        if first is None:
            first = self._first = dict(reversed(self._fields))
        return first.get(name) or first.get(canonical(name))

    def get_all(self, name: str) -> tuple[str, ...]:
        """Values of all lines under `name`, as written (see `values` for comma-separated ones)."""
        name = canonical(name)
        return tuple([value for key, value in self._fields if key == name])

    def values(self, name: str) -> tuple[str, ...]:
        """All values under `name`, those that share a line split at their commas; raises MalformedValue."""
        return tuple([value for line in self.get_all(name) for value in split_values(line)])

    def with_(self, name: str, *lines: str) -> "Headers":
        """The same with `lines` as the only ones under `name`, where the first of them was, else at the end."""
        name = canonical(name)
        fields = [field for field in self._fields if field[0] != name]
        at = next((i for i, field in enumerate(self._fields) if field[0] == name), len(fields))
        return Headers.from_canonical([*fields[:at], *[(name, line) for line in lines], *fields[at:]])

    def with_first(self, name: str, line: str) -> "Headers":
        """The same with `line` in place of the first one under `name`, at the end when there is none."""
        name = canonical(name)
        fields = list(self._fields)
        names = [key for key, _ in fields]
        at = names.index(name) if name in names else len(fields)
        fields[at : at + 1] = [(name, line)]
        return Headers.from_canonical(fields)

    def added(self, name: str, value: str) -> "Headers":
        """The same with one more line at the end."""
        return Headers.from_canonical([*self._fields, (canonical(name), value)])

    def without(self, name: str) -> "Headers":
        """The same without any line under `name`."""
        name = canonical(name)
        return Headers.from_canonical([field for field in self._fields if field[0] != name])


class _Headed:
    """Typed views of the headers that requests and replies share, each read once; all raise MalformedValue."""

    headers: Headers

    via = Essential("Via", parse_top_via)
    """The topmost Via: the hop that sent a request, or ourselves in a reply."""
    from_ = Essential("From", parse_name_addr)
    """Who sent the request."""
    to = Essential("To", parse_name_addr)
    """Whom the request was meant for."""
    cseq = Essential("CSeq", parse_cseq)
    """Number and method of the request."""
    call_id = Essential("Call-ID", str)
    """Call-ID, case-sensitive."""

    @property
    def vias(self) -> tuple[Via, ...]:
        """All Vias, the latest hop first."""
        return tuple([parse_via(value) for value in self.headers.values("Via")])

    @ReadOnce
    def contacts(self) -> tuple[NameAddr, ...]:
        """All Contacts in order; the wildcard is one of them."""
        return tuple([parse_contact(value) for value in self.headers.values("Contact")])

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact: the remote target within dialogs."""
        return self.contacts[0] if self.contacts else None

    @ReadOnce
    def max_forwards(self) -> int | None:
        """Hops left, None when not written."""
        value = self.headers.get("Max-Forwards")
        return None if value is None else parse_small_number(value)

    @ReadOnce
    def route(self) -> tuple[NameAddr, ...]:
        """Where the request is to pass through, next hop first."""
        return tuple([parse_name_addr(value) for value in self.headers.values("Route")])

    @ReadOnce
    def record_route(self) -> tuple[NameAddr, ...]:
        """Proxies that stay on the path, the latest first."""
        return tuple([parse_name_addr(value) for value in self.headers.values("Record-Route")])

    @property
    def expires(self) -> int | None:
        """Seconds in Expires, None when not written, the default of section 10.2.1.1 when it cannot be read."""
        value = self.headers.get("Expires")
        if value is None:
            return None
        try:
            return parse_seconds(value)
        except MalformedValue:
            return DEFAULT_EXPIRES_S

    @property
    def content_type(self) -> str | None:
        """Media type of the body in lower case and without parameters, None when not written."""
        value = self.headers.get("Content-Type")
        return None if value is None else value.partition(";")[0].strip().lower()

    def tokens(self, name: str) -> tuple[str, ...]:
        """Values of a list of plain words such as Require, Supported, Allow, in lower case."""
        return tuple([value.lower() for value in self.headers.values(name)])


@dataclass(frozen=True)
class Request(_Headed):
    """A request; equality is that of its four fields."""

    method: str
    """Method, case-sensitive."""
    uri: Uri
    """Request-URI; in a message that could not be parsed an OtherUri without a scheme may stand here."""
    headers: Headers
    """All headers but Content-Length."""
    body: bytes = b""
    """Body as sent."""

    def serialise(self) -> bytes:
        """Bytes for the wire, with Content-Length; raises ValueError when a value would break out of its line."""
        return _serialised(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)

    def response(
        self,
        status: int,
        reason: str | None = None,
        headers: Iterable[Field] = (),
        body: bytes = b"",
        to_tag: str | None = None,
    ) -> "Response":
        """A reply with what RFC 3261 section 8.2.6 copies; `to_tag` is added to To unless the request brought a tag."""
        fields = [field for field in self.headers if field[0] in _COPIED_INTO_REPLY]
        if to_tag is not None and not self._has_to_tag():
            fields = [(name, f"{value};tag={to_tag}" if name == "To" else value) for name, value in fields]
        if status == 100:
            fields += [field for field in self.headers if field[0] == "Timestamp"]
        fields += Headers(headers)
        return Response(status, reason or reason_of(status), Headers.from_canonical(fields), body)

    def _has_to_tag(self) -> bool:
        try:
            return self.to.tag is not None
        except MalformedValue:
            return True  # nothing sound can be added to an address that cannot be read

    def received_from(self, source: Address) -> "Request":
        """The same with the topmost Via stamped by the server, RFC 3261 section 18.2.1 and RFC 3581 section 4."""
        stamped = self.via.stamped(source)
        if stamped is self.via:
            return self
        others = split_values(self.headers.get("Via") or "")[1:]
        headers = self.headers.with_first("Via", ", ".join([str(stamped), *others]))
        request = Request(self.method, self.uri, headers, self.body)
        vars(request).update(vars(self), headers=headers, via=stamped)  # what was read once stays read
        return request


@dataclass(frozen=True)
class Response(_Headed):
    """A reply; equality is that of its four fields."""

    status: int
    """100 to 699."""
    reason: str
    """Reason phrase as sent; may be empty. For people it goes through `charset.readable`."""
    headers: Headers
    """All headers but Content-Length."""
    body: bytes = b""
    """Body as sent."""

    @property
    def is_provisional(self) -> bool:
        """Whether the transaction goes on (1xx)."""
        return self.status < 200

    @property
    def is_success(self) -> bool:
        """Whether the request was accepted (2xx)."""
        return 200 <= self.status < 300

    def serialise(self) -> bytes:
        """Bytes for the wire, with Content-Length; raises ValueError when a value would break out of its line."""
        return _serialised(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message: TypeAlias = Request | Response

_COPIED_INTO_REPLY: Final = frozenset(("Via", "From", "To", "Call-ID", "CSeq"))


def reason_of(status: int) -> str:
    """The usual phrase for a status, or that of its class."""
    return REASONS.get(status) or REASONS.get(status // 100 * 100) or "Unknown"


def _serialised(start_line: str, headers: Headers, body: bytes) -> bytes:
    lines = [start_line]
    lines += map(": ".join, headers)
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    head = "\r\n".join(lines)
    # One break for each line and two after the last: more would be a value that smuggles in lines of its own.
    breaks = len(lines) + 1
    if head.count("\r") != breaks or head.count("\n") != breaks:
        raise ValueError("line break within a SIP header")
    return encoded(head) + body
