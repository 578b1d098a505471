from collections.abc import Sequence

from acdcore.kernel.ids import IdSource
from acdcore.media.events import MediaEvent
from acdcore.media.model import (
    ClipId,
    EarFrame,
    EarId,
    EngineCensus,
    EngineSettings,
    OpenedStream,
    SpeechFigures,
    StreamFigures,
    StreamId,
    StreamTarget,
    TapBlock,
    TapId,
)

class Engine:
    """All audio of the daemon, in one thread of its own that never holds the interpreter's lock.

    Every method may be called from any thread, takes effect before it returns, and waits for at most one wake of
    the engine (well under a millisecond at 150 calls). An id that is no longer open raises UnknownStream,
    UnknownTap, UnknownEar or UnknownClip: those are faults of the calling code, not of a peer.
    """

    def __init__(self, settings: EngineSettings, ids: IdSource) -> None:
        """Prepare an engine; nothing is opened before `open`, nothing moves before `start`.

        Raises ValueError when the address is no IPv4 literal, the port range holds no pair or a time is out of range.
        """

    def start(self) -> None:
        """Start the thread. Raises RuntimeError when it was started before: an engine runs only once."""

    def stop(self) -> None:
        """End all recordings and streams (BYE is sent), join the thread; safe to call twice.

        Events and last blocks can still be fetched afterwards.
        """

    @property
    def event_fd(self) -> int:
        """An eventfd that is readable when `events()` has something; `events()` clears it."""

    @property
    def block_fd(self) -> int:
        """An eventfd that is readable when `blocks()` has something; `blocks()` clears it."""

    @property
    def frame_fd(self) -> int:
        """An eventfd that is readable when `frames()` has something; `frames()` clears it."""

    def events(self) -> list[MediaEvent]:
        """All events since the last call, in the order they happened."""

    def blocks(self) -> list[TapBlock]:
        """All blocks since the last call; for the recording writer's thread."""

    def frames(self) -> list[EarFrame]:
        """All frames since the last call, those of one ear in order; for the thread that judges speech.

        Some may be of an ear that is closed since.
        """

    def add_clip(self, pcm: bytes) -> ClipId:
        """Keep audio for playing: 16-bit little-endian mono at 8 kHz, encoded here in both laws.

        Raises ValueError when `pcm` is empty or of odd length.
        """

    def drop_clip(self, clip: ClipId) -> None:
        """Forget a clip; its memory goes when the last playback that uses it ends."""

    def open(self) -> OpenedStream:
        """Take a free port pair at random, of those that have rested longest.

        Raises PortsExhausted when no pair can be bound.
        """

    def connect(self, stream: StreamId, target: StreamTarget) -> None:
        """Say where the peer is and what was agreed; again at each re-INVITE. What that means for whom we hear
        is said at the head of latch.pyx.

        Raises PeerError when the address is no IPv4 literal or a payload type or ptime is out of range.
        """

    def close(self, stream: StreamId) -> StreamFigures:
        """Send BYE, end playback, bridge and the stream's side of a tap, give the ports back."""

    def figures(self, stream: StreamId) -> StreamFigures:
        """The stream's counters at this moment."""

    def play(self, stream: StreamId, clips: Sequence[ClipId], playback: int, *, over_music: bool = False) -> None:
        """Play clips one after another, once, instead of whatever else the stream sends, a playback included.

        With `over_music` a background that would be heard goes on beneath them, 14 dB lower and back at its level 20 ms
        after their end; without one it makes no difference.
        StreamPlaybackFinished with the number `playback` follows always and exactly once, also when the
        stream is closed first. At most 64 clips; ValueError otherwise or when there is none.
        """

    def stop_playing(self, stream: StreamId) -> None:
        """End the playback, if any, at the next packet; the background stays."""

    def set_background(self, stream: StreamId, clips: Sequence[ClipId]) -> None:
        """Loop clips whenever neither a playback nor a bridge feeds the stream; () for none.

        The position is kept while it is interrupted, and when the same clips are set again.
        """

    def bridge(self, a: StreamId, b: StreamId) -> None:
        """Relay both ways between two streams; a bridge that either was in ends. ValueError when a is b."""

    def unbridge(self, a: StreamId) -> None:
        """End the bridge that the stream is in, if any, for both sides."""

    def tap(
        self, left: StreamId, right: StreamId | None = None, *, has_prompts: bool = False, hush_s: float = 0.0
    ) -> TapId:
        """Record what is received from two streams on one timeline that begins now; a None side is silence.

        With `has_prompts` what `play` plays to one side is recorded on the other side's channel; music is not.
        With `hush_s` above zero StreamSpeechEnded reports once that nobody has spoken on the left for so long.

        Raises ValueError when a stream is in a recording already or left is right.
        """

    def speech(self, tap: TapId) -> SpeechFigures:
        """What was said on the left; only for a recording that was begun with `hush_s`."""

    def untap(self, tap: TapId, *, keep_s: float | None = None) -> None:
        """End a recording; its last block follows at once, at least 20 ms after the first.

        With `keep_s` the last block says that only so much of the beginning is to be kept, 0.0 for nothing.
        """

    def listen(self, stream: StreamId) -> EarId:
        """Hear what is received from a stream from now on, in `frames()`, beside bridge, playback and recording.

        Raises ValueError when somebody listens to it already.
        """

    def unlisten(self, ear: EarId) -> None:
        """Hear no more of it."""

    def census(self) -> EngineCensus:
        """What the engine holds, for the leak ledger and for metrics."""
