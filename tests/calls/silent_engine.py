"""A media engine without sound: the commands of the real one, playbacks that last as long as their clips on the loop's
clock, and a memory of who is bridged, recorded and played to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from acdcore.media.events import (
    MediaEvent,
    StreamDigitPressed,
    StreamMediaLost,
    StreamMediaResumed,
    StreamPlaybackFinished,
    StreamSpeechEnded,
)
from acdcore.media.model import (
    ClipId,
    EarFrame,
    EarId,
    EngineCensus,
    OpenedStream,
    PortsExhausted,
    SpeechFigures,
    StreamFigures,
    StreamId,
    StreamTarget,
    TapId,
    UnknownClip,
    UnknownEar,
    UnknownStream,
    UnknownTap,
)

SAMPLES_PER_S = 8000
FIRST_PORT = 20000


@dataclass
class Playback:
    """What a stream hears once."""

    number: int
    clips: tuple[ClipId, ...]
    timer: asyncio.TimerHandle
    is_over_music: bool
    """The background goes on beneath it."""


@dataclass
class SilentStream:
    """One stream as call control has set it up."""

    port: int
    target: StreamTarget | None = None
    playback: Playback | None = None
    background: tuple[ClipId, ...] = ()
    partner: StreamId | None = None
    tap: TapId | None = None
    ear: EarId | None = None
    heard: list[ClipId] = field(default_factory=list)
    """Every clip that was begun, in order."""


class SilentEngine:
    """The methods of `Engine` in use, and what a test makes happen: `press`, `fall_silent`, `come_back`."""

    def __init__(self, streams_max: int = 1000) -> None:
        self.streams: dict[StreamId, SilentStream] = {}
        self.taps: dict[TapId, tuple[StreamId, StreamId | None]] = {}
        self.begun: dict[TapId, float] = {}
        """When each recording began."""
        self.said: Callable[[float], SpeechFigures] = lambda length_s: SpeechFigures(length_s, length_s)
        """What callers say in a message of a length; all of it is speech by default."""
        self.kept_s: dict[TapId, float | None] = {}
        self.skipped_s: dict[int, float] = {}
        """How much of each ended recording is kept."""
        self.with_prompts: set[TapId] = set()
        self.ears: dict[EarId, StreamId] = {}
        self.clips: dict[ClipId, float] = {}
        """Length of each clip in seconds."""
        self.heard: set[StreamId] = set()
        self.spoken: list[StreamId] = []
        """Streams whose phones have sent something."""
        self.on_ready: Callable[[], None] = lambda: None
        """What a reader of the real engine's `event_fd` does."""
        self.on_untapped: Callable[[TapId], None] = lambda tap: None
        """What the writer's thread does with a recording's last block."""
        self._streams_max = streams_max
        self._events: list[MediaEvent] = []
        self._frames: list[EarFrame] = []
        self._serial = 0

    # --- what call control commands ---

    def add_clip(self, pcm: bytes) -> ClipId:
        if not pcm or len(pcm) % 2:
            raise ValueError("a clip is 16-bit samples")
        clip = ClipId(self._next())
        self.clips[clip] = len(pcm) / 2 / SAMPLES_PER_S
        return clip

    def drop_clip(self, clip: ClipId) -> None:
        self._known_clips((clip,))
        del self.clips[clip]

    def open(self) -> OpenedStream:
        if len(self.streams) >= self._streams_max:
            raise PortsExhausted("every port pair is taken")
        number = self._next()
        stream = StreamId(number)
        self.streams[stream] = SilentStream(port=FIRST_PORT + 2 * number)
        return OpenedStream(stream, self.streams[stream].port)

    def connect(self, stream: StreamId, target: StreamTarget) -> None:
        self._stream(stream).target = target

    def close(self, stream: StreamId) -> StreamFigures:
        self._stream(stream)
        self.stop_playing(stream)
        self.unbridge(stream)
        del self.streams[stream]
        return nothing_seen()

    def figures(self, stream: StreamId) -> StreamFigures:
        self._stream(stream)
        spoken = self.spoken.count(stream)
        return replace(nothing_seen(), packets_in=50 * (spoken + (stream in self.heard)))

    def play(self, stream: StreamId, clips: Sequence[ClipId], playback: int, *, over_music: bool = False) -> None:
        playing = self._stream(stream)
        lengths_s = self._known_clips(clips)
        if not 0 < len(clips) <= 64:
            raise ValueError("play takes 1 to 64 clips")
        self.stop_playing(stream)
        timer = asyncio.get_running_loop().call_later(sum(lengths_s), self._finish, stream, True)
        playing.playback = Playback(playback, tuple(clips), timer, over_music)
        playing.heard.extend(clips)

    def stop_playing(self, stream: StreamId) -> None:
        playback = self._stream(stream).playback
        if playback is not None:
            playback.timer.cancel()
            self._finish(stream, False)

    def set_background(self, stream: StreamId, clips: Sequence[ClipId]) -> None:
        self._known_clips(clips)
        self._stream(stream).background = tuple(clips)

    def bridge(self, a: StreamId, b: StreamId) -> None:
        if a == b:
            raise ValueError("a stream cannot be bridged to itself")
        left, right = self._stream(a), self._stream(b)
        self.unbridge(a)
        self.unbridge(b)
        left.partner, right.partner = b, a

    def unbridge(self, a: StreamId) -> None:
        stream = self._stream(a)
        if stream.partner is not None:
            self.streams[stream.partner].partner = None
            stream.partner = None

    def tap(
        self, left: StreamId, right: StreamId | None = None, *, has_prompts: bool = False, hush_s: float = 0.0
    ) -> TapId:
        sides = [self._stream(side) for side in (left, right) if side is not None]
        if left == right or any(side.tap is not None for side in sides):
            raise ValueError("a stream is in one recording at most")
        tap = TapId(self._next())
        self.taps[tap] = (left, right)
        self.begun[tap] = asyncio.get_running_loop().time()
        if has_prompts:
            self.with_prompts.add(tap)
        for side in sides:
            side.tap = tap
        return tap

    def speech(self, tap: TapId) -> SpeechFigures:
        if tap not in self.taps:
            raise UnknownTap(tap)
        return self.said(asyncio.get_running_loop().time() - self.begun[tap])

    def untap(self, tap: TapId, *, keep_s: float | None = None) -> None:
        if tap not in self.taps:
            raise UnknownTap(tap)
        self.kept_s[tap] = keep_s
        for side in self.taps.pop(tap):
            if side is not None and side in self.streams:
                self.streams[side].tap = None
        self.on_untapped(tap)

    def listen(self, stream: StreamId) -> EarId:
        if self._stream(stream).ear is not None:
            raise ValueError("somebody listens already")
        ear = EarId(self._next())
        self.ears[ear] = stream
        self._stream(stream).ear = ear
        return ear

    def unlisten(self, ear: EarId) -> None:
        if ear not in self.ears:
            raise UnknownEar(ear)
        stream = self.ears.pop(ear)
        if stream in self.streams:
            self.streams[stream].ear = None

    def frames(self) -> list[EarFrame]:
        frames, self._frames = self._frames, []
        return frames

    def events(self) -> list[MediaEvent]:
        events, self._events = self._events, []
        return events

    def census(self) -> EngineCensus:
        playlists = sum((each.playback is not None) + bool(each.background) for each in self.streams.values())
        return EngineCensus(
            streams=len(self.streams),
            taps=len(self.taps),
            clips=len(self.clips),
            sockets=2 * len(self.streams),
            playlists=playlists,
            waiting_events=len(self._events),
            waiting_blocks=0,
            dropped_events=0,
            dropped_blocks=0,
            wakes=0,
            packets=0,
            ears=len(self.ears),
        )

    # --- what a test makes happen ---

    def press(self, stream: StreamId, digit: str) -> None:
        """The phone behind `stream` sends a key."""
        self._stream(stream)
        self._report(StreamDigitPressed(stream, digit, 100))

    def fall_silent(self, stream: StreamId, silent_for_s: float = 10.0) -> None:
        """The phone behind `stream` has sent nothing for so long."""
        self._stream(stream)
        self._report(StreamMediaLost(stream, silent_for_s))

    def stop_speaking(self, stream: StreamId) -> None:
        """The caller behind `stream` has said all of a message."""
        self._stream(stream)
        self._report(StreamSpeechEnded(stream, 5.0))

    def speak(self, stream: StreamId) -> None:
        """The phone behind `stream` sends a second of audio, and has not been told lost before."""
        self._stream(stream)
        self.spoken.append(stream)

    def say(self, stream: StreamId, pcm: bytes) -> None:
        """The phone behind `stream` sends this audio all at once; nobody hears it unless somebody listens."""
        ear = self._stream(stream).ear
        if ear is not None:
            self._frames.append(EarFrame(ear, pcm))

    def come_back(self, stream: StreamId) -> None:
        """The phone behind `stream` sends something again."""
        self._stream(stream)
        self._report(StreamMediaResumed(stream))

    def hears(self, stream: StreamId) -> StreamId | tuple[ClipId, ...]:
        """What the phone behind `stream` hears now: a playback, else its partner, else the background."""
        one = self._stream(stream)
        if one.playback is not None:
            return one.playback.clips
        return one.partner if one.partner is not None else one.background

    # --- within ---

    def _finish(self, stream: StreamId, is_complete: bool) -> None:
        playing = self._stream(stream)
        playback, playing.playback = playing.playback, None
        if playback is not None:
            self._report(StreamPlaybackFinished(stream, playback.number, is_complete))

    def _report(self, event: MediaEvent) -> None:
        self._events.append(event)
        asyncio.get_running_loop().call_soon(self.on_ready)

    def _stream(self, stream: StreamId) -> SilentStream:
        if stream not in self.streams:
            raise UnknownStream(stream)
        return self.streams[stream]

    def _known_clips(self, clips: Sequence[ClipId]) -> list[float]:
        for clip in clips:
            if clip not in self.clips:
                raise UnknownClip(clip)
        return [self.clips[clip] for clip in clips]

    def _next(self) -> int:
        self._serial += 1
        return self._serial


def nothing_seen() -> StreamFigures:
    """Figures of a stream that no packet has reached."""
    return StreamFigures(
        packets_in=0,
        packets_out=0,
        octets_in=0,
        octets_out=0,
        lost=0,
        reordered=0,
        duplicates=0,
        jitter_ms=0.0,
        strangers=0,
        malformed=0,
        unwanted=0,
        send_failures=0,
        rtt_ms=None,
        peer_lost=0,
        peer_jitter_ms=0.0,
        source=None,
    )
