"""Reads a session description (RFC 8866 section 5): what an audio stream needs, and nothing else.

    session  = v= o= s= [i= u= e= p= c= b=] t= [r= z= k= a=] *media
    media    = m= [i= c= b= k= a=]

| what is wrong | what becomes of it |
|---|---|
| larger than the limits below; another version than 0; not one line of a description | SdpError |
| an m= line (port, transport, formats) | the line is kept in its place and marked; it can only be refused there |
| a c= line without an address: a name, a scope, rubbish | the host is empty; who knows the signalling decides |
| a=rtpmap, a=ptime, a=maxptime | as if it had not been written; without a clock rate it is 8,000 Hz |
| o=, t= | 0 for what is no number; `0 0` |
| the rest: other lines and attributes, lines without `=`, NULs, charsets, line ends, order | it is not looked at |
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from acdcore.sdp.model import (
    Encoding,
    MediaDescription,
    MediaDirection,
    Origin,
    SdpError,
    SessionDescription,
    WarningCode,
)

BODY_BYTES_MAX = 16_384
"""Real offers stay under 4 kB even with ICE candidates; a UDP datagram cannot carry more than 64 kB."""
LINES_MAX = 512
"""WebRTC offers have about 150."""
MEDIA_MAX = 32
"""Each m= line costs a line in the answer; conference bridges offer four."""
FORMATS_MAX = 64
"""Formats of a line that are looked at: RFC 3551 leaves 96 payload types in all, and no phone uses half of them."""
ENCODINGS_MAX = 128
"""a=rtpmap lines of a stream that are looked at: one for every payload type there is."""
DIGITS_MAX = 20
"""Longest number: a session id has 64 bits, and phones exceed that a little."""
REMEMBERED_MAX = 1_024
"""Addresses and a=rtpmap lines remembered once read: each phone says the same in every call."""
REMEMBERED_CHARS_MAX = 200
"""The part of such a line that is looked at; what follows says nothing about audio."""

BLANKS = " \t\0"
"""What phones leave at the ends of words and lines, and a C string at the end of the body."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NO_TOKEN = re.compile(r"[^!#-'*+\-.0-9A-Z^-~]+")
"""What no token has (RFC 8866 section 9)."""
_NO_TRANSPORT = re.compile(r"[^!#-'*+\-./0-9A-Z^-~]+")
DIRECTIONS = {direction.value: direction for direction in MediaDirection}
NO_ORIGIN = Origin("-", "0", 0, "")


@dataclass(frozen=True, slots=True)
class _Head:
    """One m= line."""

    kind: str = ""
    port: int = 0
    transport: str = ""
    formats: tuple[str, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Section:
    """What has been read of the session part, or of one m= line."""

    head: _Head = _Head()
    """Unused in the session part."""
    host: str | None = None
    direction: MediaDirection | None = None
    encodings: list[Encoding] = field(default_factory=list)
    ptime_ms: int | None = None
    maxptime_ms: int | None = None


def parse(body: bytes) -> SessionDescription:
    """Read one application/sdp body.

    Raises SdpError when it is no session description at all, is larger than the limits above, or of another version.
    """
    lines = _lines(body)
    origin: Origin | None = None
    timing: str | None = None
    session = section = _Section()
    media: list[_Section] = []
    for kind, value in lines:
        if kind == "a":
            _attribute(section, value)
        elif kind == "m":
            if len(media) == MEDIA_MAX:
                raise SdpError(f"more than {MEDIA_MAX} m= lines")
            section = _Section(_media_head(value))
            media.append(section)
        elif kind == "c":
            # A media line may carry one c= for each layer of a multicast; the first is the base layer.
            section.host = section.host or _connection(value[:REMEMBERED_CHARS_MAX])
        elif kind == "o" and origin is None:
            origin = _origin(value)
        elif kind == "t" and timing is None:
            timing = _timing(value)
        elif kind == "v" and _is_number(value) and int(value):
            raise SdpError(f"version {value[:20]} of session descriptions is not known here", WarningCode.PARAMETER)
    return SessionDescription(
        origin=origin or NO_ORIGIN,
        timing=timing or "0 0",
        host=session.host,
        direction=session.direction or MediaDirection.SENDRECV,
        media=tuple([_media(section) for section in media]),
    )


def _lines(body: bytes) -> list[tuple[str, str]]:
    if len(body) > BODY_BYTES_MAX:
        raise SdpError(f"session description of {len(body)} bytes; the limit is {BODY_BYTES_MAX}")
    # Latin-1 never fails and keeps bytes apart: free text may come in any charset, and the lines we use are ASCII.
    text = body.removeprefix(BYTE_ORDER_MARK).decode("latin-1").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line]
    if len(lines) > LINES_MAX:
        raise SdpError(f"more than {LINES_MAX} lines")
    pairs = []
    for line in lines:
        kind, equals, value = line.partition("=")
        kind = kind.strip(BLANKS).lower()
        if equals and len(kind) == 1:
            pairs.append((kind, value.strip(BLANKS)))
    if not pairs:
        raise SdpError("no session description")
    return pairs


def _media(section: _Section) -> MediaDescription:
    head = section.head
    return MediaDescription(
        kind=head.kind,
        port=head.port,
        transport=head.transport,
        formats=head.formats,
        host=section.host,
        direction=section.direction,
        encodings=tuple(section.encodings),
        ptime_ms=section.ptime_ms,
        maxptime_ms=section.maxptime_ms,
        problem=head.problem,
    )


def _origin(value: str) -> Origin:
    """username sess-id sess-version nettype addrtype unicast-address.

    Of a peer's nothing is used; it is read from the end, because user names with blanks come before the rest.
    """
    parts = value.split()
    if len(parts) < 6:
        return NO_ORIGIN
    return Origin(
        username=parts[0], session_id=parts[-5], version=_number(parts[-4], 10**DIGITS_MAX) or 0, host=parts[-1]
    )


def _timing(value: str) -> str | None:
    parts = value.split()
    return " ".join(parts) if len(parts) == 2 and all(_is_number(part) for part in parts) else None


@lru_cache(REMEMBERED_MAX)
def _connection(value: str) -> str:
    """The address of `IN IP4 host[/ttl[/count]]` or `IN IP6 host[/count]`; empty when there is none.

    The address alone counts, not the words before it. A host name is legal, but looking it up would make a call wait on
    a name server. The interface of somebody else's machine says nothing here (RFC 4007 section 6).
    """
    for word in value.split():
        try:
            address = address_literal(word.partition("/")[0])
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                continue
            address = address.ipv4_mapped or address
        return str(address)
    return ""


@lru_cache(REMEMBERED_MAX)
def address_literal(host: str) -> IPv4Address | IPv6Address:
    """The address that `host` spells; raises ValueError for a name."""
    return ip_address(host)


def _media_head(value: str) -> _Head:
    """kind port[/count] transport format...

    What cannot be used must still be refused at its place, in words that are fit for an answer (RFC 3264 section 6).
    """
    parts = value.split(None, 3 + FORMATS_MAX)[: 3 + FORMATS_MAX]
    kind, number, transport, *formats = (*parts, *[""] * (3 - len(parts)))
    port = _number(number.partition("/")[0], 65_535)
    fit_kind, fit_transport = _NO_TOKEN.sub("", kind), _NO_TRANSPORT.sub("", transport).strip("/")
    fit_formats = tuple([each for each in formats if not _NO_TOKEN.search(each)])
    problem = ""
    if fit_kind != kind or fit_transport != transport or "//" in transport or not fit_formats or port is None:
        problem = f"bad line m={_NO_TRANSPORT.sub(' ', value[:80])}"
    return _Head(
        kind=fit_kind.lower() or "application",
        port=0 if problem else port or 0,
        transport=fit_transport.replace("//", "/") or "RTP/AVP",
        formats=fit_formats or ("0",),
        problem=problem if port != 0 else "",
    )


def _attribute(section: _Section, value: str) -> None:
    name, _, argument = value.partition(":")
    name = name.strip().lower()
    direction = DIRECTIONS.get(name)
    if direction is not None:
        section.direction = direction
    elif name == "rtpmap":
        encoding = _encoding(argument[:REMEMBERED_CHARS_MAX])
        if encoding is not None and len(section.encodings) < ENCODINGS_MAX:
            section.encodings.append(encoding)
    elif name == "ptime":
        section.ptime_ms = _milliseconds(argument)
    elif name == "maxptime":
        section.maxptime_ms = _milliseconds(argument)


@lru_cache(REMEMBERED_MAX)
def _encoding(argument: str) -> Encoding | None:
    """payload-type name/clock-rate[/channels], and whatever follows."""
    parts = argument.split(None, 1)
    number = _number(parts[0], 127) if len(parts) == 2 else None
    if number is None:
        return None
    name, clock_rate, channels = (*[part.strip() for part in parts[1].split("/", 2)], "", "")[:3]
    return Encoding(
        payload_type=number,
        name=name.split()[0] if name else "",
        clock_rate_hz=_leading_number(clock_rate, 8_000),
        channels=_leading_number(channels, 1),
    )


def _leading_number(text: str, default: int) -> int:
    """The number that `text` begins with."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits[:DIGITS_MAX]) if digits else default


def _milliseconds(argument: str) -> int | None:
    """Whole milliseconds; phones also write `20.0`, and nonsense here is only a wish that we cannot grant."""
    return _number(argument.strip().partition(".")[0], 10**DIGITS_MAX)


def _number(text: str, most: int) -> int | None:
    """The number from 0 to `most` that `text` is; None when it is none."""
    return number if _is_number(text) and (number := int(text)) <= most else None


def _is_number(text: str) -> bool:
    # Latin-1 has digits (superscripts) that are not ASCII.
    return text.isdigit() and text.isascii() and len(text) <= DIGITS_MAX
