"""Reads a session description (RFC 8866 section 5), keeping what offer/answer needs and skipping the rest.

    session  = v= o= s= [i= u= e= p= c= b=] t= [r= z= k= a=] *media
    media    = m= [i= c= b= k= a=]

Lenient where phones in the field are wrong without harm: bare LF, a missing s= or t=, unknown lines, lines out of
order within their section. Strict where a guess would send audio to the wrong place: addresses, ports, payload types.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from acdcore.sdp.model import Direction, Encoding, MediaDescription, Origin, SdpError, SessionDescription

BODY_BYTES_MAX = 16_384
"""Real offers stay under 4 kB even with ICE candidates; a UDP datagram cannot carry more than 64 kB."""
LINES_MAX = 512
"""WebRTC offers have about 150."""
MEDIA_MAX = 16
"""Each m= line costs a line in the answer; conference bridges offer four."""
FORMATS_MAX = 64
"""RFC 3551 leaves 96 payload types in all, and none of the phones uses half of them."""
ENCODINGS_MAX = 128
"""One a=rtpmap for every payload type there is."""
DIGITS_MAX = 20
"""Longest number: a session id has 64 bits, and phones exceed that a little."""
REMEMBERED_MAX = 1_024
"""Addresses and a=rtpmap lines remembered once read: each phone says the same in every call."""

_TOKEN_CHARS = r"[!#-'*+\-.0-9A-Z^-~]"  # RFC 8866 section 9, token
TOKEN = re.compile(f"{_TOKEN_CHARS}++")
TRANSPORT = re.compile(f"{_TOKEN_CHARS}++(?:/{_TOKEN_CHARS}++)*")
FORMATS = re.compile(f"{_TOKEN_CHARS}++(?: {_TOKEN_CHARS}++)*")
DIRECTIONS = {direction.value: direction for direction in Direction}


@dataclass(slots=True)
class _Section:
    """What has been read of the session part, or of one m= line."""

    head: tuple[str, int, str, tuple[str, ...]] = ("", 0, "", ())
    """kind, port, transport and formats of the m= line; unused in the session part."""
    host: str | None = None
    direction: Direction | None = None
    encodings: list[Encoding] = field(default_factory=list)
    ptime_ms: int | None = None
    maxptime_ms: int | None = None


def parse(body: bytes) -> SessionDescription:
    """Read one application/sdp body.

    Raises SdpError when it is larger than the limits above, not a description of version 0, or wrong in a line that
    we use.
    """
    lines = _lines(body)
    if lines[:1] != [("v", "0")]:
        raise SdpError("a session description begins with v=0")
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
            section.host = section.host or _connection(value)
        elif kind == "o" and origin is None:
            origin = _origin(value)
        elif kind == "t" and timing is None:
            timing = _timing(value)
    if origin is None:
        raise SdpError("no o= line")
    return SessionDescription(
        origin=origin,
        timing=timing or "0 0",
        host=session.host,
        direction=session.direction or Direction.SENDRECV,
        media=tuple([_media(section) for section in media]),
    )


def _lines(body: bytes) -> list[tuple[str, str]]:
    if len(body) > BODY_BYTES_MAX:
        raise SdpError(f"session description of {len(body)} bytes; the limit is {BODY_BYTES_MAX}")
    # Latin-1 never fails and keeps bytes apart: free text may come in any charset, and the lines we use are ASCII.
    lines = body.decode("latin-1").split("\n")
    if len(lines) > LINES_MAX:
        raise SdpError(f"more than {LINES_MAX} lines")
    pairs = []
    for line in lines:
        if line[1:2] == "=":
            pairs.append((line[0], line[2:].strip()))
        elif line.strip():
            raise SdpError(f"not a line of a session description: {line.rstrip()[:40]!r}")
    return pairs


def _media(section: _Section) -> MediaDescription:
    kind, port, transport, formats = section.head
    return MediaDescription(
        kind=kind,
        port=port,
        transport=transport,
        formats=formats,
        host=section.host,
        direction=section.direction,
        encodings=tuple(section.encodings),
        ptime_ms=section.ptime_ms,
        maxptime_ms=section.maxptime_ms,
    )


def _origin(value: str) -> Origin:
    """username sess-id sess-version nettype addrtype unicast-address."""
    parts = value.split()
    if len(parts) != 6 or not _is_number(parts[1]) or not _is_number(parts[2]):
        raise SdpError(f"bad o= line: {value[:80]!r}")
    return Origin(username=parts[0], session_id=parts[1], version=int(parts[2]), host=parts[5])


def _timing(value: str) -> str:
    parts = value.split()
    if len(parts) != 2 or not _is_number(parts[0]) or not _is_number(parts[1]):
        raise SdpError(f"bad t= line: {value[:80]!r}")
    return " ".join(parts)


@lru_cache(REMEMBERED_MAX)
def _connection(value: str) -> str:
    """The address of `IN IP4 host[/ttl[/count]]` or `IN IP6 host[/count]`.

    Host names are legal but refused: looking one up would make a call wait on a name server.
    """
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
        raise SdpError(f"bad c= line: {value[:80]!r}")
    try:
        address = literal(parts[2].partition("/")[0])
    except ValueError as error:
        raise SdpError(f"not a literal address in c= line: {value[:80]!r}") from error
    if address.version != int(parts[1][2]):
        raise SdpError(f"address of the other family in c= line: {value[:80]!r}")
    if "%" in parts[2]:
        # The interface of somebody else's machine says nothing here (RFC 4007 section 6).
        raise SdpError(f"scoped address in c= line: {value[:80]!r}")
    return str(address)


@lru_cache(REMEMBERED_MAX)
def literal(host: str) -> IPv4Address | IPv6Address:
    """The address that `host` spells; raises ValueError for a name."""
    return ip_address(host)


def _media_head(value: str) -> tuple[str, int, str, tuple[str, ...]]:
    """kind port[/count] transport format..."""
    parts = value.split()
    if len(parts) < 4 or len(parts) > 3 + FORMATS_MAX:
        raise SdpError(f"bad m= line: {value[:80]!r}")
    kind, port, transport, *formats = parts
    if not TOKEN.fullmatch(kind) or not TRANSPORT.fullmatch(transport) or not FORMATS.fullmatch(" ".join(formats)):
        raise SdpError(f"bad m= line: {value[:80]!r}")
    return kind.lower(), _number(port.partition("/")[0], 65_535, "port"), transport, tuple(formats)


def _attribute(section: _Section, value: str) -> None:
    name, _, argument = value.partition(":")
    name = name.lower()
    direction = DIRECTIONS.get(name)
    if direction is not None:
        section.direction = direction
    elif name == "rtpmap":
        if len(section.encodings) == ENCODINGS_MAX:
            raise SdpError(f"more than {ENCODINGS_MAX} a=rtpmap lines")
        section.encodings.append(_encoding(argument))
    elif name == "ptime":
        section.ptime_ms = _milliseconds(argument)
    elif name == "maxptime":
        section.maxptime_ms = _milliseconds(argument)


@lru_cache(REMEMBERED_MAX)
def _encoding(argument: str) -> Encoding:
    """payload-type name/clock-rate[/channels]."""
    parts = argument.split()
    names = parts[1].split("/") if len(parts) == 2 else []
    if len(names) not in (2, 3) or not TOKEN.fullmatch(names[0]):
        raise SdpError(f"bad a=rtpmap: {argument[:80]!r}")
    return Encoding(
        payload_type=_number(parts[0], 127, "payload type"),
        name=names[0],
        clock_rate_hz=_number(names[1], 1_000_000, "clock rate"),
        channels=_number(names[2], 255, "channels") if len(names) == 3 else 1,
    )


def _milliseconds(argument: str) -> int | None:
    """Whole milliseconds; phones also write `20.0`, and nonsense here is only a wish that we cannot grant."""
    whole = argument.strip().partition(".")[0]
    return int(whole) if _is_number(whole) else None


def _number(text: str, most: int, name: str) -> int:
    if not _is_number(text) or (number := int(text)) > most:
        raise SdpError(f"{name} {text[:20]!r} is not a number from 0 to {most}")
    return number


def _is_number(text: str) -> bool:
    # Latin-1 has digits (superscripts) that are not ASCII.
    return text.isdigit() and text.isascii() and len(text) <= DIGITS_MAX
