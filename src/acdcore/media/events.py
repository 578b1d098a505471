"""What the media engine reports to the loop, at human rates."""

from dataclasses import dataclass

from acdcore.media.model import StreamId, TapId


@dataclass(frozen=True, slots=True)
class StreamDigitPressed:
    """A key was pressed and let go (RFC 4733); once per press, however many end packets came or were lost."""

    stream: StreamId
    """The phone that pressed."""
    digit: str
    """One of 0-9, *, #, A-D."""
    duration_ms: int
    """How long the key was down, as far as was heard."""


@dataclass(frozen=True, slots=True)
class StreamPlaybackFinished:
    """A playback ended: by itself, by `stop_playing`, or because another `play` took its place."""

    stream: StreamId
    """The stream that it was played to."""
    playback: int
    """The number given to `play`."""
    is_complete: bool
    """All of it was played."""


@dataclass(frozen=True, slots=True)
class StreamMediaLost:
    """There is no sign of life of a peer that should send for `media_lost_after_s`; reported once until there is
    one."""

    stream: StreamId
    """The silent stream."""
    silent_for_s: float
    """Time since the last one, or since it was connected."""


@dataclass(frozen=True, slots=True)
class StreamMediaResumed:
    """There is a sign of life of a peer that was reported lost."""

    stream: StreamId
    """The stream."""


@dataclass(frozen=True, slots=True)
class TapOverflowed:
    """The writer was too slow and part of a recording became silence; reported once for each such part."""

    tap: TapId
    """The recording."""
    lost_samples: int
    """Length of the part per channel, at 8 kHz."""


@dataclass(frozen=True, slots=True)
class StreamSpeechEnded:
    """Nobody has spoken on a recording's left side for as long as `tap` was given; reported once."""

    stream: StreamId
    """The stream on the left."""
    silent_for_s: float
    """Time since the last speech, or since the recording began."""


MediaEvent = (
    StreamDigitPressed
    | StreamPlaybackFinished
    | StreamMediaLost
    | StreamMediaResumed
    | TapOverflowed
    | StreamSpeechEnded
)
