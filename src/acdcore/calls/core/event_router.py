"""The wiring: brings what the SIP stack and the media engine report to the party that it concerns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from acdcore.calls.media.audio_address import AudioSettings, Ours
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import IdSource
from acdcore.media.engine import Engine
from acdcore.media.events import (
    MediaEvent,
    StreamDigitPressed,
    StreamMediaLost,
    StreamMediaResumed,
    StreamPlaybackFinished,
    StreamSpeechEnded,
    TapOverflowed,
)
from acdcore.media.model import StreamFigures, StreamId
from acdcore.sip.events import (
    HoldLimitReached,
    InfoArrived,
    InviteCancelled,
    ModifyAnswered,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionProgress,
    SessionRefused,
    Transport,
)
from acdcore.sip.stack import SipStack
from acdcore.sip.syntax.message import Response

SessionEvent = (
    InviteCancelled
    | SessionConfirmed
    | SessionProgress
    | SessionAnswered
    | SessionRefused
    | SessionModified
    | ModifyAnswered
    | SessionEnded
    | InfoArrived
    | HoldLimitReached
)
"""What the SIP stack reports of a session that has a party."""


class Party(Protocol):
    """Who stands at the end of a session and a stream."""

    def on_confirmed(self, event: SessionConfirmed) -> None:
        """The ACK came."""
        ...

    def on_progress(self, status: int, body: bytes) -> None:
        """The phone rings; `body` is the session description of what may be heard already, mostly empty."""
        ...

    def on_answered(self, body: bytes) -> None:
        """The phone was answered."""
        ...

    def on_refused(self, status: int, reason: str, response: Response | None = None) -> None:
        """The phone was not answered."""
        ...

    def on_modified(self, event: SessionModified) -> None:
        """The peer wants other media."""
        ...

    def on_ended(self, event: SessionEnded) -> None:
        """The session is over."""
        ...

    def on_cancelled(self) -> None:
        """The caller gave up."""
        ...

    def on_info(self, event: InfoArrived) -> None:
        """Something was said within the session."""
        ...

    def on_digit(self, digit: str) -> None:
        """A key was pressed."""
        ...

    def on_played(self, playback: int) -> None:
        """A playback came to its end."""
        ...

    def on_silence(self, silent_for_s: float) -> None:
        """No audio comes."""
        ...

    def on_speech_ended(self) -> None:
        """Nobody speaks any more in a recording."""
        ...

    def on_resumed(self) -> None:
        """There is a sign of life again."""
        ...

    def on_hold_limit(self) -> None:
        """The audio has rested for as long as it may."""
        ...


@dataclass(slots=True)
class StreamTotals:
    """Sums over streams, for counters that never fall."""

    packets_in: int = 0
    packets_out: int = 0
    lost: int = 0
    refused: int = 0
    """From strangers, or not what was agreed on."""

    def add(self, figures: StreamFigures) -> None:
        """Count one stream."""
        self.packets_in += figures.packets_in
        self.packets_out += figures.packets_out
        self.lost += figures.lost
        self.refused += figures.strangers + figures.malformed + figures.unwanted


class EventRouter:
    """Stack, engine, and who is connected to which session and stream; one for the daemon."""

    def __init__(
        self,
        stack: SipStack,
        engine: Engine,
        media_host: str,
        ids: IdSource,
        clock: Clock,
        audio: AudioSettings = AudioSettings(),  # noqa: B008 - frozen
    ) -> None:
        """`media_host` is our address in session descriptions."""
        self.stack = stack
        self.engine = engine
        self.media_host = media_host
        self.clock = clock
        self.audio = audio
        self.ports: set[int] = set()
        """Our ports for audio, those for RTCP among them."""
        self.ours = Ours(audio.own_hosts | {media_host}, self._is_own_port)
        self.ids = ids
        self.sessions: dict[SessionId, Party] = {}
        self.streams: dict[StreamId, Party] = {}
        self.on_gone: Callable[[Party], None] = lambda _: None
        """Hears of a party that is gone without having hung up."""
        self.carried = StreamTotals()
        """What closed streams have carried."""

    def so_far(self) -> StreamTotals:
        """What all streams have carried since the start, open ones included."""
        carried = replace(self.carried)
        for stream in self.streams:
            carried.add(self.engine.figures(stream))
        return carried

    def _is_own_port(self, port: int) -> bool:
        signalling = (*self.stack.addresses(Transport.UDP), *self.stack.addresses(Transport.TCP))
        return port in self.ports or any(port == address.port for address in signalling)

    def on_session(self, event: SessionEvent) -> None:
        """Deliver; an event of a session that its party has let go of means nothing any more."""
        party = self.sessions.get(event.session)
        if party is None:
            return
        match event:
            case SessionConfirmed():
                party.on_confirmed(event)
            case SessionProgress(status=status, body=body):
                party.on_progress(status, body)
            case SessionAnswered(body=body):
                party.on_answered(body)
            case SessionRefused(status=status, reason=reason, response=response):
                party.on_refused(status, reason, response)
            case SessionModified():
                party.on_modified(event)
            case SessionEnded():
                party.on_ended(event)
            case InviteCancelled():
                party.on_cancelled()
            case InfoArrived():
                party.on_info(event)
            case HoldLimitReached():
                party.on_hold_limit()
            case ModifyAnswered():
                pass
            case _:
                assert_never(event)

    def on_media(self, reported: Iterable[MediaEvent]) -> None:
        """Deliver what the engine saw."""
        for event in reported:
            if isinstance(event, TapOverflowed):
                continue
            party = self.streams.get(event.stream)
            if party is None:
                continue
            match event:
                case StreamDigitPressed(digit=digit):
                    party.on_digit(digit)
                case StreamPlaybackFinished(playback=playback, is_complete=True):
                    party.on_played(playback)
                case StreamMediaLost(silent_for_s=silent_for_s):
                    party.on_silence(silent_for_s)
                case StreamSpeechEnded():
                    party.on_speech_ended()
                case StreamMediaResumed():
                    party.on_resumed()
                case StreamPlaybackFinished():
                    pass
                case _:
                    assert_never(event)
