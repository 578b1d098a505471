"""The event router: brings each event of the SIP stack and the media engine to the party that it concerns."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from acdcore.calls.media.audio_address import AudioSettings, Ours
from acdcore.kernel.bus import EventBus
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
    """The user of a session and a stream: a leg, or a phone that rings for one."""

    def on_confirmed(self, event: SessionConfirmed) -> None:
        """The ACK came."""
        ...

    def on_progress(self, status: int, body: bytes) -> None:
        """The phone rings; `body` is the session description for early media, mostly empty."""
        ...

    def on_answered(self, body: bytes) -> None:
        """The phone was answered."""
        ...

    def on_refused(self, status: int, reason: str, response: Response | None = None) -> None:
        """The phone was not answered."""
        ...

    def on_modified(self, event: SessionModified) -> None:
        """The peer sent a re-INVITE."""
        ...

    def on_ended(self, event: SessionEnded) -> None:
        """The session is over."""
        ...

    def on_cancelled(self) -> None:
        """The caller gave up."""
        ...

    def on_info(self, event: InfoArrived) -> None:
        """An INFO came."""
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
        """The caller does not speak any more in a message."""
        ...

    def on_resumed(self) -> None:
        """After `on_silence`: there is a sign of life again."""
        ...

    def on_hold_limit(self) -> None:
        """The party has been on hold, or has not sent, for as long as it may."""
        ...


@dataclass(slots=True)
class StreamTotals:
    """Sums over streams, for counters that never fall."""

    packets_in: int = 0
    packets_out: int = 0
    lost: int = 0
    refused: int = 0
    """Packets from unknown addresses, or not in the agreed codec."""

    def add(self, figures: StreamFigures) -> None:
        """Count one stream."""
        self.packets_in += figures.packets_in
        self.packets_out += figures.packets_out
        self.lost += figures.lost
        self.refused += figures.strangers + figures.malformed + figures.unwanted


class EventRouter:
    """SIP stack, media engine, and the party of each session and stream; one for the daemon."""

    def __init__(
        self,
        stack: SipStack,
        engine: Engine,
        media_host: str,
        ids: IdSource,
        bus: EventBus,
        clock: Clock,
        audio: AudioSettings = AudioSettings(),  # noqa: B008 - frozen
        other_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """`media_host` is our address in session descriptions, `other_hosts` are further ones of this machine."""
        self.stack = stack
        self.engine = engine
        self.media_host = media_host
        self.bus = bus
        self.clock = clock
        self.audio = audio
        self.ports: set[int] = set()
        """Our ports for RTP and RTCP."""
        self.ours = Ours(other_hosts | {media_host}, self._is_own_port)
        self.ids = ids
        self.sessions: dict[SessionId, Party] = {}
        self.streams: dict[StreamId, Party] = {}
        self.carried = StreamTotals()
        """Sums over the closed streams."""

    def so_far(self) -> StreamTotals:
        """Sums over all streams since the start, open ones included."""
        carried = replace(self.carried)
        for stream in self.streams:
            carried.add(self.engine.figures(stream))
        return carried

    def _is_own_port(self, port: int) -> bool:
        signalling = (*self.stack.addresses(Transport.UDP), *self.stack.addresses(Transport.TCP))
        return port in self.ports or any(port == address.port for address in signalling)

    def on_session(self, event: SessionEvent) -> None:
        """Deliver an event to the session's party; without effect when the party has released the session."""
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
        """Deliver an event of the engine to the stream's party."""
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
