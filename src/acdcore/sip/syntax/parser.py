"""Bytes to messages: one datagram, or one message cut from a stream by `framing` (RFC 3261 sections 7 and 25.1).

Only what every message needs is checked here: start line, form of the header lines, Via, From, To, Call-ID, CSeq and
the length of the body. All other headers are parsed, and refused, when they are first used.
"""

import re
from typing import Final

from acdcore.kernel.errors import PeerError
from acdcore.sip.syntax.charset import decoded
from acdcore.sip.syntax.headers import TOKEN
from acdcore.sip.syntax.message import CANONICAL, Field, Headers, Message, Request, Response, canonical
from acdcore.sip.syntax.uri import MalformedValue, OtherUri, SipUri, Uri, parse_uri

MESSAGE_BYTES_MAX = 65_535
"""Greatest message: what a UDP datagram can hold; streams are held to it too."""
HEADERS_MAX = 160
"""Most header lines: 70 hops may each add a Via and a Record-Route (section 8.1.1.6); a request has some 15 more."""
LINE_CHARS_MAX = 8192
"""Longest line after unfolding; long Identity and Authorization headers have about 3,000 characters."""

_KNOWN_METHODS: Final = frozenset((
    "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE",
    "PUBLISH", "MESSAGE",
))  # fmt: skip
_ONCE_ONLY: Final = frozenset(("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"))
_VERSION: Final = re.compile(r"SIP/([0-9]+\.[0-9]+)", re.IGNORECASE)
BLANKS: Final = " \t"
"""What may surround a value (section 25.1, LWS); other blanks of Unicode belong to it."""
_FOLD: Final = re.compile(r"\r\n[ \t]+")
# callid = word [ "@" word ]
_CALL_ID: Final = re.compile(
    r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]++(?:@[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]++)?"
)
# Control characters may stand in a quoted-pair only; tabs and line breaks have a meaning of their own.
_CONTROLS: Final = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_BARE_CONTROL: Final = re.compile(r"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class MalformedMessage(PeerError):
    """Bytes that are no acceptable SIP message.

    `status` and `reason` are what a stateless reply would say. `partial` is the request as far as a reply to it needs
    it; None when nothing can or may be answered: a reply, an ACK, no Via.
    """

    def __init__(self, status: int, reason: str, partial: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.sip_status = status
        self.status = status
        self.reason = reason
        self.partial = partial


def parse(data: bytes) -> Message:
    """Read one message; raises MalformedMessage and nothing else."""
    data = with_cr_lf(data)
    try:
        return _message(data)
    except MalformedValue as fault:
        raise MalformedMessage(fault.sip_status, str(fault), readable_part(data)) from None


def _message(data: bytes) -> Message:
    if len(data) > MESSAGE_BYTES_MAX:
        raise MalformedValue("Message Too Large", 513)
    # Line breaks before the start line are to be ignored, section 7.5.
    head, end, rest = (data.lstrip(b"\r\n") if data[:1] == b"\r" else data).partition(b"\r\n\r\n")
    if not end:
        raise MalformedValue("headers without an end")
    start, *lines = _lines(head)
    fields = _fields(lines, None if head.isascii() else BLANKS)
    first = dict(reversed(fields))
    if len(first) < len(fields):
        _check_once_only(fields)
    body = rest
    length = first.pop("Content-Length", None)
    if length is not None:
        body = _body(rest, length)
        fields.remove(("Content-Length", length))
    headers = Headers.from_canonical(fields, first)
    message = _reply(start, headers, body) if start[:4].upper() == "SIP/" else _request(start, headers, body)
    _check_essentials(message)
    return message


def with_cr_lf(data: bytes) -> bytes:
    """The same message with CR LF in its head where every line of that ends in LF alone, as some scripts write it.

    A head that has CR as well stays as it is and is refused: two readers might find its lines at different places.
    """
    first = data.find(b"\n", 0, LINE_CHARS_MAX)
    if first <= 0 or data[first - 1 : first] == b"\r":
        return data
    head, end, body = data.partition(b"\n\n")
    if b"\r" in head:
        return data
    return head.replace(b"\n", b"\r\n") + end.replace(b"\n", b"\r\n") + body


def _lines(head: bytes) -> list[str]:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text = decoded(head)
    if len(head.translate(None, _CONTROLS)) != len(head) and _BARE_CONTROL.search(text):
        raise MalformedValue("control character in the headers")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if text.count("\n") >= len(lines) or text.count("\r") >= len(lines):
        raise MalformedValue("line break that is not CR LF")
    if len(lines) > HEADERS_MAX + 1:
        raise MalformedValue("too many headers")
    if len(text) > LINE_CHARS_MAX and max(map(len, lines)) > LINE_CHARS_MAX:
        raise MalformedValue("line too long")
    return lines


def _fields(lines: list[str], blanks: str | None) -> list[Field]:
    """The header lines with canonical names; `blanks` as for `str.strip`."""
    parts = [line.split(":", 1) for line in lines]
    try:
        return [(CANONICAL.get(raw) or _unusual_name(raw), value.strip(blanks)) for raw, value in parts]
    except ValueError:
        raise MalformedValue("header without a colon") from None


def _check_once_only(fields: list[Field]) -> None:
    names = [name for name, _ in fields]
    for name in _ONCE_ONLY:
        if names.count(name) > 1:
            raise MalformedValue(f"more than one {name}")


def _unusual_name(raw: str) -> str:
    name = raw.rstrip(" \t")
    if TOKEN.fullmatch(name) is None:
        raise MalformedValue("malformed header name")
    return canonical(name)


def _body(rest: bytes, length: str) -> bytes:
    """What belongs to the message; octets beyond its length are ignored, a missing one is an error (section 18.3)."""
    if not (length.isascii() and length.isdigit()) or len(length) > 10:
        raise MalformedValue("malformed Content-Length")
    if int(length) > len(rest):
        raise MalformedValue("body shorter than Content-Length")
    return rest[: int(length)]


def _request(start: str, headers: Headers, body: bytes) -> Request:
    # Request-Line = Method SP Request-URI SP SIP-Version; more blanks, and brackets around the URI, mean no harm
    parts = start.split(" ")
    if len(parts) != 3:
        parts = [part for part in parts if part]
    if len(parts) != 3:
        raise MalformedValue("malformed request line")
    method, target, version = parts
    if target[:1] == "<" and target[-1:] == ">":
        target = target[1:-1]
    if method not in _KNOWN_METHODS and TOKEN.fullmatch(method) is None:
        raise MalformedValue("malformed method")
    if version != "SIP/2.0":
        _check_version(version)
    uri = parse_uri(target)
    if isinstance(uri, SipUri) and uri.headers:
        raise MalformedValue("headers in the Request-URI")  # section 19.1.1, table 1
    return Request(method, uri, headers, body)


def _check_version(text: str) -> None:
    version = _VERSION.fullmatch(text)
    if version is None:
        raise MalformedValue("malformed request line")
    if version[1] != "2.0":
        raise MalformedValue("Version Not Supported", 505)


def _reply(start: str, headers: Headers, body: bytes) -> Response:
    # Status-Line = SIP-Version SP Status-Code SP Reason-Phrase; the phrase may be empty
    version, _, rest = start.partition(" ")
    code, _, reason = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(version)
    if len(code) != 3 or not (code.isascii() and code.isdigit()) or not 100 <= int(code) <= 699:
        raise MalformedValue("malformed status line")
    return Response(int(code), reason, headers, body)


def _check_essentials(message: Message) -> None:
    """Section 8.1.1: what every message has; reading each here also keeps it for the layers above."""
    _ = message.via, message.from_, message.to
    if _CALL_ID.fullmatch(message.call_id) is None:
        raise MalformedValue("malformed Call-ID")
    cseq = message.cseq
    if isinstance(message, Request) and cseq.method != message.method:
        if message.method not in _KNOWN_METHODS:
            raise MalformedValue("Not Implemented", 501)  # RFC 4475 section 3.1.2.18
        raise MalformedValue("CSeq of another method")


def readable_part(data: bytes) -> Request | None:
    """The request behind malformed `data` as far as a reply needs it; None when nothing can or may be answered."""
    head = with_cr_lf(data[:MESSAGE_BYTES_MAX]).lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    start, *lines = _FOLD.sub(" ", decoded(head)).split("\r\n")
    method, _, rest = start.partition(" ")
    target, _, version = rest.strip().rpartition(" ")
    if TOKEN.fullmatch(method) is None or method == "ACK" or _VERSION.fullmatch(version) is None:
        return None
    headers = Headers.from_canonical(_readable_fields(lines))
    return Request(method, _uri_or_text(target.strip()), headers) if headers.get("Via") else None


def _readable_fields(lines: list[str]) -> list[Field]:
    fields: list[Field] = []
    for line in lines[:HEADERS_MAX]:
        raw, colon, value = line.partition(":")
        name = canonical(raw.strip())
        is_repeated = name in _ONCE_ONLY and any(name == other for other, _ in fields)
        if colon and TOKEN.fullmatch(raw.strip()) and not is_repeated and "\r" not in value and "\n" not in value:
            fields.append((name, value.strip(BLANKS)))
    return fields


def _uri_or_text(text: str) -> Uri:
    try:
        return parse_uri(text)
    except MalformedValue:
        return OtherUri("", text)
