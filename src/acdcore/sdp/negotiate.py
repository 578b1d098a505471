"""The offer/answer model (RFC 3264) for one G.711 audio stream with telephone-event (RFC 4733).

- The first m=audio line over plain RTP with a codec of ours becomes the stream; each other line is refused by port 0
  at its place (RFC 3264 section 6). SRTP is not spoken, so an offer of nothing else is not acceptable.
- Our answer names one audio codec, under the offerer's payload types, so that the peer has no reason to change it in
  mid-call. It may all the same, and an answer of the peer's may name several (section 6.1): every number that the peer
  has named for a codec of ours is taken, and in its answer every number that we have offered.
- What we send is what the peer wants to receive: its address, its payload types, its packet time.
- Hold is a direction without receiving, or the address 0.0.0.0 of RFC 2543; RFC 3264 section 8.4 asks for both.
- An address that cannot be read (a host name, nothing) is empty: call control knows where the signalling comes from.
- A later offer whose audio lines all have port 0 takes the audio back: the answer does the same, until another offer.
- A line that cannot be used is skipped: what is wrong in it matters only when no other line gives us audio.
- With `previous`, our last description in the dialog: the o= version grows only when something changed (section 8),
  lines stay at their places (section 8.2), and payload types keep their meaning (section 8.3.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from acdcore.kernel.address import Address
from acdcore.sdp.model import (
    Codec,
    Encoding,
    LocalMedia,
    MediaDescription,
    MediaDirection,
    Negotiated,
    NotAcceptable,
    Preference,
    SessionDescription,
    WarningCode,
)
from acdcore.sdp.parser import REMEMBERED_MAX, address_literal, parse

PTIME_MS = 20
"""What we ask for, and send when the peer does not say (RFC 3551 section 4.2)."""
PTIME_MS_MAX = 60
"""Longer packets delay a talk more than they save; a peer that wants them gets this."""
DTMF_PAYLOAD_TYPES = (101, 102, 103)
"""Any dynamic type would do, but several older gateways take telephone-event under 101 only. The others are for a peer
that has given 101 to one of the two codecs."""
PLAIN_RTP = ("RTP/AVP", "RTP/AVPF")
"""AVPF only permits earlier RTCP reports (RFC 4585 section 3.1); a peer that sends none of it is within the profile."""
STATIC = {codec.static_payload_type: codec for codec in Codec}
"""Payload types whose meaning an a=rtpmap cannot change (RFC 3551 section 6)."""
CODECS_BY_NAME = {codec.value: codec for codec in Codec}
NOWHERE = "0.0.0.0"
"""Where nothing is sent: the address of a stream that was taken back."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One m= line of ours, ready to be written."""

    kind: str
    transport: str
    formats: tuple[str, ...]
    stream: "_Stream | None" = None
    """None for a refused line."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """The attributes of the one line that is not refused."""

    port: int
    direction: MediaDirection
    encodings: tuple[tuple[int, Codec], ...]
    dtmf_payload_type: int | None


def offer(local: LocalMedia, previous: bytes = b"") -> bytes:
    """Our description of what we would like, for an INVITE, or for a 2xx to an INVITE without one.

    `previous` is the last description that we sent in this dialog, empty for the first.
    """
    lines: list[_Line] = []
    known: dict[Codec, int] = {}
    dtmf: int | None = None
    place, transport = 0, PLAIN_RTP[0]
    before = parse(previous) if previous else None
    if before is not None:
        lines = [_refusal(media) for media in before.media]
        place, stream = _live(before)
        if stream is None:  # a line that was taken back is used again (section 8.1)
            place = next((each for each, media in enumerate(before.media) if media.kind == "audio"), place)
        else:
            transport = stream.transport
            known = {codec: payload_type for payload_type, codec in _codecs(stream)}
            dtmf = next(iter(_dtmf(stream)), None)
    if dtmf is None:
        dtmf = next(number for number in DTMF_PAYLOAD_TYPES if number not in known.values())
    # What is spoken now comes first, so that a hold does not also change the codec.
    codecs = sorted(local.codecs, key=lambda codec: codec not in known)
    encodings = tuple((known.get(codec, codec.static_payload_type), codec) for codec in codecs)
    offered = _Stream(local.address.port, local.direction, encodings, dtmf)
    lines[place : place + 1] = [_Line("audio", transport, _formats(offered), offered)]
    return _render(local, "0 0", lines, previous, before)


def answer_offer(offer: bytes, local: LocalMedia, previous: bytes = b"") -> Negotiated:
    """Answer the peer's offer with what both sides can do.

    `previous` is the last description that we sent in this dialog, empty for the first. Raises SdpError (400) when
    there is no offer in the body and NotAcceptable (488) when it has no stream for us.
    """
    theirs = parse(offer)
    before = parse(previous) if previous else None
    if before is not None and _is_taken_back(theirs):
        lines = [_refusal(media) for media in theirs.media]
        return _at_rest(_render(local, theirs.timing, lines, previous, before), local)
    place, found = _choice(theirs, local)
    chosen = theirs.media[place]
    dtmf = next(iter(_dtmf(chosen)), None)
    # A side may do at most what it wants and what the other side's direction leaves to it (RFC 3264 section 6.1).
    # The old hold takes the right to send from us, and is answered like sendonly.
    direction = MediaDirection.of(
        sends=local.direction.sends and found.direction.receives,
        receives=local.direction.receives and found.direction.sends,
    )
    stream = _Stream(local.address.port, direction, ((found.payload_type, found.codec),), dtmf)
    lines = [_refusal(media) for media in theirs.media]
    lines[place] = _Line(chosen.kind, chosen.transport, _formats(stream), stream)
    return Negotiated(
        body=_render(local, theirs.timing, lines, previous, before),
        remote=found.remote,
        codec=found.codec,
        payload_type=found.payload_type,
        audio_in=found.audio,
        dtmf_payload_type=dtmf,
        dtmf_payload_types_in=_dtmf(chosen),
        sends=direction.sends,
        receives=direction.receives,
        ptime_ms=_ptime_ms(chosen),
    )


def _is_taken_back(theirs: SessionDescription) -> bool:
    """Whether a later offer ends the audio for the time being (RFC 3264 section 8.2): each audio line has port 0."""
    ports = [media.port for media in theirs.media if media.kind == "audio" and not media.problem]
    return bool(ports) and not any(ports) and not any(media.problem for media in theirs.media if media.kind == "audio")


def _at_rest(body: bytes, local: LocalMedia) -> Negotiated:
    """What is agreed on while there is no stream: nothing flows, and a later offer may bring the audio back."""
    codec = local.codecs[0]
    return Negotiated(
        body=body,
        remote=Address(NOWHERE, 0),
        codec=codec,
        payload_type=codec.static_payload_type,
        audio_in=(),
        dtmf_payload_type=None,
        dtmf_payload_types_in=(),
        sends=False,
        receives=False,
        ptime_ms=PTIME_MS,
    )


def accept_answer(answer: bytes, offered: bytes) -> Negotiated:
    """Take the peer's answer to `offered`, a body that `offer` made.

    Raises SdpError (400) when there is no answer in the body and NotAcceptable (488) when it refuses the stream or
    picks something that was not offered.
    """
    ours = parse(offered)
    theirs = parse(answer)
    place, line = _live(ours)
    if line is None:
        raise NotAcceptable("no stream was offered", WarningCode.MEDIA_TYPE)
    accepted, found = _accepted(theirs, line, place, ours.host_of(line))
    our_direction = ours.direction_of(line)
    dtmf = _dtmf(accepted, line)
    return Negotiated(
        body=offered,
        remote=found.remote,
        codec=found.codec,
        payload_type=found.payload_type,
        audio_in=(*_codecs(line), *found.audio),
        dtmf_payload_type=next(iter(dtmf), None),
        dtmf_payload_types_in=(*_dtmf(line), *dtmf) if dtmf else (),
        sends=our_direction.sends and found.direction.receives,
        receives=our_direction.receives and found.direction.sends,
        ptime_ms=_ptime_ms(accepted),
    )


def _live(ours: SessionDescription) -> tuple[int, MediaDescription | None]:
    """Place and content of the one line of our own description that is not refused; the place after all if none."""
    return next(((place, media) for place, media in enumerate(ours.media) if media.port), (len(ours.media), None))


@dataclass(frozen=True, slots=True)
class _Found:
    """What a line of the peer's gives us."""

    remote: Address
    direction: MediaDirection
    """The peer's, with the hold of RFC 2543 folded in."""
    audio: tuple[tuple[int, Codec], ...]
    """The payload types of its codecs that are ours too, in its order."""
    payload_type: int
    """Of the one that we send."""
    codec: Codec


def _choice(theirs: SessionDescription, local: LocalMedia) -> tuple[int, _Found]:
    """The place of the first line of the offer that we can serve, and what it gives us."""
    unsuitable = NotAcceptable("no audio is offered", WarningCode.MEDIA_TYPE)
    for place, media in enumerate(theirs.media):
        if not _is_audio(media):
            continue
        try:
            common = [each for each in _spoken(media) if each[1] in local.codecs]
            if not common:
                raise _no_codec(local.codecs)
            remote = _remote(theirs, media, local.address.host)
            return place, _Found(*remote, tuple(common), *_preferred(common, local))
        except NotAcceptable as error:
            unsuitable = error
    raise unsuitable


def _accepted(
    theirs: SessionDescription, line: MediaDescription, place: int, our_host: str | None
) -> tuple[MediaDescription, _Found]:
    """The line of the answer that takes up our one line: at its place, or where a peer put it that lost count."""
    unsuitable = NotAcceptable("the audio stream is refused", WarningCode.MEDIA_TYPE)
    offered = [codec for _, codec in _codecs(line)]
    for media in (*theirs.media[place : place + 1], *theirs.media):
        if not _is_audio(media):
            continue
        try:
            common = [each for each in _spoken(media, line) if each[1] in offered]
            if not common:
                raise _no_codec(offered)
            return media, _Found(*_remote(theirs, media, our_host), tuple(common), *common[0])
        except NotAcceptable as error:
            unsuitable = error
    raise unsuitable


def _is_audio(media: MediaDescription) -> bool:
    """Whether the line is meant to be an audio stream; port 0 takes it back."""
    return media.kind == "audio" and (media.port != 0 or media.problem != "")


def _no_codec(ours: Sequence[Codec]) -> NotAcceptable:
    return NotAcceptable(f"no codec in common; spoken here: {', '.join(ours)}", WarningCode.MEDIA_FORMAT)


def _spoken(media: MediaDescription, offered: MediaDescription | None = None) -> list[tuple[int, Codec]]:
    """The codecs of a line over plain RTP; NotAcceptable when it is no such line."""
    if media.problem:
        raise NotAcceptable(media.problem, WarningCode.PARAMETER)
    if media.transport.upper() not in PLAIN_RTP:
        raise NotAcceptable(f"{media.transport} is not spoken here, only {PLAIN_RTP[0]}", WarningCode.TRANSPORT)
    return _codecs(media, offered)


def _preferred(common: list[tuple[int, Codec]], local: LocalMedia) -> tuple[int, Codec]:
    match local.preference:
        case Preference.OFFER:
            return common[0]
        case Preference.LOCAL:
            return min(common, key=lambda each: local.codecs.index(each[1]))


def _codecs(media: MediaDescription, offered: MediaDescription | None = None) -> list[tuple[int, Codec]]:
    """The codecs of a line that we know, as payload type and codec, in the order of the line.

    In an answer a number without an a=rtpmap means what it meant in the offer.
    """
    found = []
    for each in media.formats:
        # At most three digits: 0 to 127.
        if not each.isdigit() or len(each) > 3 or (payload_type := int(each)) > 127:
            continue
        encoding = media.encoding(payload_type) or (offered.encoding(payload_type) if offered else None)
        codec = STATIC.get(payload_type) or _dynamic(encoding)
        if codec is not None:
            found.append((payload_type, codec))
    return found


def _dynamic(encoding: Encoding | None) -> Codec | None:
    if encoding is None or encoding.clock_rate_hz != 8_000 or encoding.channels != 1:
        return None
    return CODECS_BY_NAME.get(encoding.name.upper())


def _dtmf(media: MediaDescription, offered: MediaDescription | None = None) -> tuple[int, ...]:
    """The payload types of telephone-event at our clock; phones with Opus list one more at 48,000 Hz.

    In an answer the number that we offered needs no a=rtpmap.
    """
    found = [
        encoding.payload_type
        for encoding in media.encodings
        if encoding.clock_rate_hz == 8_000
        and encoding.name.lower() == "telephone-event"
        and encoding.payload_type not in STATIC
        and str(encoding.payload_type) in media.formats
    ]
    if not found and offered is not None:
        found = [each for each in _dtmf(offered) if str(each) in media.formats and media.encoding(each) is None]
    return tuple(dict.fromkeys(found))


def _remote(
    theirs: SessionDescription, media: MediaDescription, our_host: str | None
) -> tuple[Address, MediaDirection]:
    """Where the peer listens, and its direction with the hold of RFC 2543 folded in."""
    host = theirs.host_of(media) or ""
    direction = theirs.direction_of(media)
    if not host:
        return Address(host, media.port), direction
    if _is_old_hold(host):
        direction = MediaDirection.of(sends=direction.sends, receives=False)
    elif our_host is not None and (":" in host) != (":" in our_host):
        raise NotAcceptable(f"{host} cannot be reached from {our_host}", WarningCode.ADDRESS_FORMAT)
    return Address(host, media.port), direction


@lru_cache(REMEMBERED_MAX)
def _is_old_hold(host: str) -> bool:
    """Whether nothing is to be sent to this address, the hold of RFC 2543."""
    address = address_literal(host)
    if address.is_multicast:
        raise NotAcceptable(f"{host} is a multicast address", WarningCode.MULTICAST)
    if address.version == 4 and address.is_reserved:
        raise NotAcceptable(f"{host} is nobody's address", WarningCode.ADDRESS_FORMAT)
    return address.is_unspecified


def _ptime_ms(media: MediaDescription) -> int:
    """The packet time that the peer likes, as far as whole tens of milliseconds up to our limit reach."""
    wanted = media.ptime_ms or PTIME_MS
    most = min(PTIME_MS_MAX, media.maxptime_ms or PTIME_MS_MAX)
    return max(10, min(wanted, most) // 10 * 10)


def _formats(stream: _Stream) -> tuple[str, ...]:
    formats = [str(payload_type) for payload_type, _ in stream.encodings]
    if stream.dtmf_payload_type is not None:
        formats.append(str(stream.dtmf_payload_type))
    return tuple(formats)


def _refusal(media: MediaDescription) -> _Line:
    """The same line with port 0; its formats are irrelevant but must be there (RFC 3264 section 6)."""
    return _Line(media.kind, media.transport, media.formats)


def _render(
    local: LocalMedia, timing: str, lines: list[_Line], previous: bytes, before: SessionDescription | None
) -> bytes:
    """Write the body; unchanged against `previous`, read as `before`, it keeps its version, else it counts one up."""
    if before is None:
        return _written(local, local.version, timing, lines)
    version = before.origin.version
    body = _written(local, version, timing, lines)
    return body if body == previous else _written(local, version + 1, timing, lines)


def _written(local: LocalMedia, version: int, timing: str, lines: list[_Line]) -> bytes:
    host = local.address.host
    family = "IP6" if ":" in host else "IP4"
    text = [
        "v=0",
        f"o=- {local.session_id} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        f"t={timing}",
    ]
    for line in lines:
        text.extend(_line_text(line))
    return ("\r\n".join(text) + "\r\n").encode("latin-1")


def _line_text(line: _Line) -> list[str]:
    port = line.stream.port if line.stream else 0
    text = [f"m={line.kind} {port} {line.transport} {' '.join(line.formats)}"]
    if line.stream is None:
        return text
    text.extend([f"a=rtpmap:{number} {codec.value}/8000" for number, codec in line.stream.encodings])
    if line.stream.dtmf_payload_type is not None:
        number = line.stream.dtmf_payload_type
        # Events 0 to 15: the digits, star, hash and A to D (RFC 4733 section 3.2).
        text.extend((f"a=rtpmap:{number} telephone-event/8000", f"a=fmtp:{number} 0-15"))
    text.extend((f"a=ptime:{PTIME_MS}", f"a={line.stream.direction.value}"))
    return text
