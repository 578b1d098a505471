"""What the media engine is given and what it returns: ids, targets, figures, blocks of a recording."""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome, Refused

StreamId = NewType("StreamId", int)
"""One port pair with one phone behind it; never used twice in an engine's life."""
ClipId = NewType("ClipId", int)
"""A piece of audio held in memory, encoded and ready to be sent."""
TapId = NewType("TapId", int)
"""One recording in progress; never used twice in an engine's life."""

EarId = NewType("EarId", int)
"""Somebody listens to a stream; never used twice in an engine's life."""


class EngineCodec(Enum):
    """The two laws of ITU-T G.711; the value is the static payload type of RFC 3551 table 4."""

    PCMU = 0
    PCMA = 8


class PortsExhausted(Refused):
    """Every port pair of the range is taken, by us or by other programs."""

    sip_status = 503
    outcome = Outcome.REFUSED_CAPACITY


class UnknownStream(LookupError):
    """The id belongs to no open stream: it was closed, or never given out."""


class UnknownTap(LookupError):
    """The id belongs to no recording in progress."""


class UnknownEar(LookupError):
    """The id belongs to no open ear."""


class UnknownClip(LookupError):
    """The id belongs to no clip in memory."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where the engine listens and when it complains."""

    address: str = "127.0.0.1"
    """Local IPv4 address that all streams are bound to; 0.0.0.0 for every interface."""
    first_port: int = 20000
    """Lowest RTP port; even (RFC 3550 section 11: RTP even, RTCP the odd port above)."""
    last_port: int = 29999
    """Highest port that may be used, RTCP included."""
    media_lost_after_s: float | None = 30.0
    """A receiving stream of whose peer there is no sign of life for so long is reported once as lost; None: never."""
    quiet_max_ms: int = 200
    """A peer that would be sent nothing for so long is sent silence: above the jitter of what a bridge relays, below
    what gateways and translators of addresses take for the end."""
    learning_window_s: float = 10.0
    """For so long after the peer named an address, a source at an IP that nobody named may prove to be the peer."""
    pause_us: int = 1000
    """How far apart the engine's wakes are while packets come; the delay that it adds is at most this."""
    rtcp_interval_s: float = 5.0
    """Mean time between two RTCP reports of a stream (RFC 3550 section 6.2), each drawn from 0.5 to 1.5 of it."""
    tap_block_ms: int = 1000
    """Length of a recording's blocks: 10 to 3,000 ms, so that the ring of 4.096 s holds one and its margin."""

    def __post_init__(self) -> None:
        """Raises ValueError for a time that the engine cannot work with."""
        if not 0 <= self.pause_us <= 20_000:
            raise ValueError(f"pause_us is 0 to 20000, not {self.pause_us}")
        if not 10 <= self.tap_block_ms <= 3000:
            raise ValueError(f"tap_block_ms is 10 to 3000, not {self.tap_block_ms}")
        if not 20 <= self.quiet_max_ms <= 60_000:
            raise ValueError(f"quiet_max_ms is 20 to 60000, not {self.quiet_max_ms}")
        if (
            (self.media_lost_after_s is not None and self.media_lost_after_s <= 0)
            or self.rtcp_interval_s <= 0
            or self.learning_window_s < 0
        ):
            raise ValueError("media_lost_after_s and rtcp_interval_s are above 0, learning_window_s is not below")


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """A port pair that now belongs to a call."""

    stream: StreamId
    """To be used in all commands."""
    port: int
    """RTP port for the SDP answer; RTCP is on the next one."""


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """What offer and answer agreed on for one stream, seen from our side."""

    address: Address
    """Where the peer's SDP says that it listens for RTP; behind a NAT the source takes its place (RFC 4961)."""
    codec: EngineCodec
    """Of the audio that we send; the peer may send it too."""
    payload_type: int
    """RTP payload type of the codec, 0 to 127."""
    dtmf_payload_type: int | None = None
    """RTP payload type of telephone-event/8000 (RFC 4733) as we send it, None when the peer has none."""
    dtmf_payload_types_in: tuple[int, ...] = ()
    """Others under which the peer may send it to us, as ours where its answer renumbered."""
    audio_in: tuple[tuple[int, EngineCodec], ...] = ()
    """Other payload types under which the peer may send audio, and their codecs; it changes as it likes."""
    sends: bool = True
    """We send audio to the peer: False while the peer holds us or is held without music."""
    receives: bool = True
    """We expect audio from the peer; what comes otherwise is counted and ignored."""
    ptime_ms: int = 20
    """Length of the packets that we generate, 10 to 60 ms in steps of 10."""
    has_nat: bool = True
    """A NAT may lie between: audio may come from another address than the peer's SDP names, and is sent back there."""
    is_symmetric: bool = True
    """The peer hears us where it sends from; else it is sent to where its SDP says, wherever it is heard from."""
    is_early: bool = False
    """The peer has not answered yet: its silence is no loss, and until it is heard the other side of its bridge
    goes on to hear its own background."""
    sip_host: str | None = None
    """The IP that the peer's SIP comes from: behind a NAT its audio does too. None when it is not known."""


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What one stream has seen since it was opened."""

    packets_in: int
    """RTP packets accepted from the peer, telephone-events among them."""
    packets_out: int
    """RTP packets handed to the network."""
    octets_in: int
    """Payload octets in accepted packets."""
    octets_out: int
    """Payload octets sent."""
    lost: int
    """Expected less received (RFC 3550 A.3), over all sources of the stream."""
    reordered: int
    """Packets that came after one with a higher sequence number."""
    duplicates: int
    """Packets that came twice; the second is ignored."""
    jitter_ms: float
    """Interarrival jitter (RFC 3550 A.8); arrival is known to within the engine's pause."""
    strangers: int
    """Packets, RTP and RTCP, from elsewhere than the source latched on to; ignored. The first three of a peer that must
    prove itself are among them."""
    malformed: int
    """Datagrams that are no RTP or no RTCP; ignored."""
    unwanted: int
    """RTP of a payload type that was not agreed on; ignored."""
    send_failures: int
    """Packets that the kernel did not take (no route, buffer full)."""
    rtt_ms: float | None
    """Round trip by the peer's last report (RFC 3550 section 6.4.1); None before one that allows it."""
    peer_lost: int
    """Packets of ours that the peer's last report calls lost."""
    peer_jitter_ms: float
    """Jitter of our packets as the peer's last report has it."""
    source: Address | None
    """The address latched on to, None before the first valid packet."""


@dataclass(frozen=True, slots=True)
class TapBlock:
    """About a second of a recording, in the order of time and without gaps between blocks."""

    tap: TapId
    """The recording that it belongs to."""
    samples: bytes
    """Interleaved stereo, 16-bit little-endian, 8 kHz: left received from the caller, right from the agent."""
    is_last: bool
    """No further block comes for this tap."""
    kept_frames: int | None = None
    """Of a last block: how much of the whole recording is to be kept; None for all."""


@dataclass(frozen=True, slots=True)
class EarFrame:
    """Some 60 ms of what was received from a stream that somebody listens to."""

    ear: EarId
    """Who listens."""
    samples: bytes
    """Mono, 16-bit little-endian, 8 kHz; silence where nothing was received."""


@dataclass(frozen=True, slots=True)
class SpeechFigures:
    """What was said on a recording's left side until now, by how its energy rises and falls (speech.pyx)."""

    length_s: float
    """All speech together."""
    ended_s: float
    """When the last of it ended, from the recording's beginning; 0.0 while there was none."""
    began_s: float = 0.0
    """When the first of it began."""
    loud_s: float = 0.0
    """All that was loud, speech or noise."""


@dataclass(frozen=True, slots=True)
class EngineCensus:
    """All that the engine holds at this moment; the leak ledger wants the first five at zero."""

    streams: int
    """Open streams."""
    taps: int
    """Recordings in progress."""
    clips: int
    """Clips in memory, with those dropped but still playing."""
    sockets: int
    """Open RTP and RTCP sockets."""
    playlists: int
    """Playbacks and backgrounds that hold clips."""
    waiting_events: int
    """Events not yet fetched."""
    waiting_blocks: int
    """Blocks not yet fetched."""
    dropped_events: int
    """Events lost since the start because nobody fetched them."""
    dropped_blocks: int
    """Seconds of recordings lost since the start because nobody fetched them; silence takes their place."""
    wakes: int
    """Times the engine's thread woke since the start."""
    packets: int
    """Datagrams read since the start, RTP and RTCP, good and bad."""
    ears: int = 0
    """Streams that somebody listens to; the leak ledger wants it at zero like the first five."""
    dropped_frames: int = 0
    """Frames of ears that were lost since the start because nobody fetched them."""
