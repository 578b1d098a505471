"""Session descriptions as values.

SessionDescription          one body: origin, defaults, and
└── MediaDescription ...    one m= line with its attributes, in the order of the body

SdpError                    there is no session description in the body, or it is larger than our limits: 400
└── NotAcceptable           nothing in it gives us audio: 488
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

from acdcore.kernel.address import Address
from acdcore.kernel.errors import PeerError


class WarningCode(IntEnum):
    """What the Warning header says about a refused description (RFC 3261 section 20.43)."""

    ADDRESS_FORMAT = 301
    """The address is of a family, or of a kind, that we do not reach."""
    TRANSPORT = 302
    """The transport is not supported, such as SRTP."""
    MEDIA_TYPE = 304
    """No audio is among the media."""
    MEDIA_FORMAT = 305
    """No codec is in common."""
    PARAMETER = 307
    """What audio needs cannot be read."""
    MULTICAST = 330
    """The address is that of a multicast group."""
    MISCELLANEOUS = 399
    """Anything else; the text says what."""


class SdpError(PeerError):
    """There is no session description in the body, or it is too large to be taken in."""

    sip_status = 400

    def __init__(self, problem: str, code: WarningCode = WarningCode.MISCELLANEOUS) -> None:
        super().__init__(problem)
        self.code = code
        """For the Warning header that goes with the refusal."""


class NotAcceptable(SdpError):
    """No audio can be set up from the session description (RFC 3261 section 21.4.26)."""

    sip_status = 488


class Codec(StrEnum):
    """The audio encodings we speak, by their name in a=rtpmap; both are 8,000 Hz, one channel (RFC 3551)."""

    PCMU = "PCMU"
    PCMA = "PCMA"

    @property
    def static_payload_type(self) -> int:
        """The payload type that needs no a=rtpmap (RFC 3551 section 6)."""
        return 0 if self is Codec.PCMU else 8


class MediaDirection(StrEnum):
    """Who sends, seen from the side whose description carries it (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (MediaDirection.SENDRECV, MediaDirection.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (MediaDirection.SENDRECV, MediaDirection.RECVONLY)

    @staticmethod
    def of(*, sends: bool, receives: bool) -> "MediaDirection":
        """The direction of a side that sends and receives so."""
        if sends:
            return MediaDirection.SENDRECV if receives else MediaDirection.SENDONLY
        return MediaDirection.RECVONLY if receives else MediaDirection.INACTIVE


class Preference(Enum):
    """Whose order of codecs decides when several fit."""

    OFFER = "offer"
    """The offerer's first codec that we speak: what RFC 3264 section 6.1 recommends."""
    LOCAL = "local"
    """Our first codec that the offerer speaks, for example to keep a trunk and the phones on the same law."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line (RFC 8866 section 5.2)."""

    username: str
    """A token, `-` when there is none."""
    session_id: str
    """As written: peers exceed 64 bits, and some write anything. Nothing depends on the peer's."""
    version: int
    """Ours grows by one with each changed description in a dialog (RFC 3264 section 8); one that is no number is 0."""
    host: str
    """The address that made the session; it only identifies, media does not go there."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One a=rtpmap line (RFC 8866 section 6.6)."""

    payload_type: int
    """0 to 127."""
    name: str
    """As written by the peer; compare without case."""
    clock_rate_hz: int
    """The RTP clock."""
    channels: int
    """1 when the line does not say."""


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m= line and what follows it (RFC 8866 section 5.14)."""

    kind: str
    """audio, video, image, ..."""
    port: int
    """Where the side wants RTP; 0 for a stream that is refused or ended, or that cannot be read."""
    transport: str
    """RTP/AVP, RTP/SAVP, udptl, ..."""
    formats: tuple[str, ...]
    """Payload types in order of preference, or other tokens when the transport is not RTP."""
    host: str | None
    """The address of its own c= line; empty when that has none that can be read, None without a c= line."""
    direction: MediaDirection | None
    """Its own direction attribute, else None."""
    encodings: tuple[Encoding, ...]
    """Its a=rtpmap lines."""
    ptime_ms: int | None
    """a=ptime: milliseconds of audio that the side likes in one packet."""
    maxptime_ms: int | None
    """a=maxptime: the most it can take in one packet."""
    problem: str = ""
    """Why the m= line itself cannot be used; empty when it can be read. Such a line is refused at its place."""

    def encoding(self, payload_type: int) -> Encoding | None:
        """The first a=rtpmap for this payload type."""
        return next((each for each in self.encodings if each.payload_type == payload_type), None)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """One body; `media` is in the order of the m= lines, which an answer must keep."""

    origin: Origin
    """The o= line."""
    timing: str
    """The value of the first t= line; an answer repeats it (RFC 3264 section 6)."""
    host: str | None
    """The address of the session's c= line; empty when that has none that can be read, None without a c= line."""
    direction: MediaDirection
    """The default for media lines without a direction of their own."""
    media: tuple[MediaDescription, ...]
    """The m= lines."""

    def host_of(self, media: MediaDescription) -> str | None:
        """The address that holds for `media`."""
        return media.host if media.host is not None else self.host

    def direction_of(self, media: MediaDescription) -> MediaDirection:
        """The direction that holds for `media`."""
        return media.direction if media.direction is not None else self.direction


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What we have to offer for one audio stream, or to answer with."""

    address: Address
    """Where the media engine listens for the peer's RTP."""
    codecs: tuple[Codec, ...]
    """What we speak, best first; not empty."""
    session_id: int
    """Ours for this dialog, below 2^63; the same in each description of the dialog."""
    version: int = 1
    """Version of the first description; later ones count on from `previous`."""
    direction: MediaDirection = MediaDirection.SENDRECV
    """What we want; SENDONLY to hold with music, INACTIVE to hold in silence."""
    preference: Preference = Preference.OFFER
    """Whose order of codecs decides when we answer."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The stream that offer and answer agree on, seen from our side."""

    body: bytes
    """Our own description: the answer to send, or the offer that was accepted; keep it as the next `previous`."""
    remote: Address
    """Where the peer says that it listens. The host is 0.0.0.0 or :: when the peer holds in the old style, and then
    `sends` is False; it is empty when the description has no address that can be read: a name, or nothing."""
    codec: Codec
    """The audio encoding that we send, and are sent unless the peer changes it."""
    payload_type: int
    """The payload type to send it under."""
    audio_in: tuple[tuple[int, Codec], ...]
    """All payload types under which the peer may send audio, and their codecs; of two for one number the last holds."""
    dtmf_payload_type: int | None
    """The payload type to send telephone-event under; None when the peer takes none."""
    dtmf_payload_types_in: tuple[int, ...]
    """All payload types under which the peer may send telephone-event; several when it names several or renumbered."""
    sends: bool
    """We may send: false while the peer holds us."""
    receives: bool
    """The peer may send: false while we hold it."""
    ptime_ms: int
    """Milliseconds of audio in each packet that we send."""
