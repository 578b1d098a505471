"""A leg: one party of a call, which is one SIP session and one media stream.

The leg itself does what the protocols ask (answers re-INVITEs, follows a phone's change of address). It notifies its
call of everything to which the call's script may react.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.key_source import KeySource
from acdcore.calls.media.audio_address import ASKED_EVERY_S, AudioRule, aimed
from acdcore.calls.trunks.capacity import TakenCapacity
from acdcore.kernel.address import Address
from acdcore.media.model import ClipId, EngineCodec, StreamFigures, StreamId, StreamTarget
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia, Negotiated, NotAcceptable, SdpError
from acdcore.sip.events import (
    EndCause,
    Fields,
    InfoArrived,
    OutgoingInvite,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
    Watch,
)
from acdcore.sip.syntax.headers import quoted
from acdcore.sip.syntax.message import Response

CODECS = (Codec.PCMA, Codec.PCMU)
"""What we offer, in this order: PCMA is what Chinese and European networks carry."""
WARN_AGENT = "acdcore"
"""The warn-agent: a pseudonym, which shows no address of ours (RFC 3261 section 25.1)."""
VANISHED = frozenset({EndCause.GONE, EndCause.LOST, EndCause.TIMER})
"""Causes that mean a lost peer: its phone, its gateway, or the network between has failed."""


class Side(StrEnum):
    """Which party of the call a leg is."""

    CALLER = "caller"
    AGENT = "agent"
    EXTERNAL_NUMBER = "external_number"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The peer acknowledged our answer."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class Ringing:
    """The peer's phone rings, or its switch is at work (any 1xx above 100)."""

    leg: "Leg"
    status: int


@dataclass(frozen=True, slots=True)
class EarlyAudio:
    """Early media: a ringing tone from the peer's switch, or the carrier's announcement about the number."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class PickedUp:
    """The peer answered, and audio can be sent and received."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class Declined:
    """The peer did not answer: its final status, 408 for silence, 488 for an answer without a codec of ours."""

    leg: "Leg"
    status: int
    reason: str
    response: Response | None = None
    """The response; None when there was none."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The peer ended the session, or the session failed."""

    leg: "Leg"
    cause: EndCause


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The peer put the call on hold, or resumed it."""

    leg: "Leg"
    is_held: bool


@dataclass(frozen=True, slots=True)
class Pressed:
    """The peer pressed a key."""

    leg: "Leg"
    digit: str


@dataclass(frozen=True, slots=True)
class Played:
    """A playback to the peer came to its end (not when it was stopped or replaced)."""

    leg: "Leg"
    playback: int


@dataclass(frozen=True, slots=True)
class StoppedSpeaking:
    """In a message that is recorded, nobody has spoken for the time given to the recording; packets may still come."""

    leg: "Leg"


LegNote = (
    Confirmed | Ringing | EarlyAudio | PickedUp | Declined | HungUp | HoldChanged | Pressed | Played | StoppedSpeaking
)


class LegListener(Protocol):
    """Who is notified of a leg's events: its call."""

    def notify(self, note: LegNote) -> None:
        """Take the note; must not wait."""
        ...


@dataclass(frozen=True, slots=True)
class AtPhone:
    """Which registered phone a leg is at."""

    user: str
    """The user with which it is registered."""
    contact: str
    """The URI that it registered."""
    instance: str = ""
    """Its `+sip.instance` (RFC 5626 section 4.1), empty when it named none."""


@dataclass(frozen=True, slots=True)
class PhoneVanished:
    """A registered phone was lost in the middle of a call, without a hang-up."""

    phone: AtPhone


class Withdrawable(Protocol):
    """Phones that ring for a leg."""

    def withdraw(self) -> None:
        """Stop all of them from ringing."""
        ...


@dataclass(frozen=True, slots=True)
class Hush:
    """A time without audio from a party that should send."""

    since: float
    packets: int
    """Packets received until then; while there are no more, the silence goes on."""


class Leg:
    """One party. `close` gives back session, stream and capacity in every state of the leg."""

    def __init__(self, event_router: EventRouter, side: Side, listener: LegListener) -> None:
        self.side = side
        self.capacity: TakenCapacity | None = None
        """The trunk capacity that this leg takes; the caller's belongs to the call."""
        self.session: SessionId | None = None
        self.is_held = False
        self.is_answered = False
        self.ended_by: EndCause | None = None
        """Why the session ended; None while it is up, and when we ended it."""
        self.has_nat = True
        """Whether a NAT may lie between the peer's audio and us."""
        self.is_symmetric = True
        """Whether it receives audio at the address that it sends from (RFC 4961), rather than where its SDP says."""
        self.sip_host = ""
        """The address that the peer's SIP comes from; its audio may come from there too."""
        self.phone: AtPhone | None = None
        """The registered phone that it is at; None at a trunk, and while several ring."""
        self._ringing: Withdrawable | None = None
        self._event_router = event_router
        self._listener = listener
        opened = event_router.engine.open()
        self.stream: StreamId = opened.stream
        event_router.ports.update((opened.port, opened.port + 1))
        self._local = LocalMedia(
            Address(event_router.media_host, opened.port), CODECS, session_id=event_router.ids.number(2**62)
        )
        self._media: Negotiated | None = None
        self._described = b""
        self._early = b""
        """The session description of the latest provisional response that had one."""
        self._is_answer_due = False
        """Whether our session description is an offer that the peer has to answer in its ACK."""
        self._watched: Watch | None = None
        self._keys = KeySource()
        self._audio = event_router.audio.phones
        self._is_silent = False
        """Whether its audio has shown no sign of life for a while, though it should send."""
        self._hush: Hush | None = None
        """The latest silence; a re-INVITE does not end it."""
        self._is_open = True
        event_router.streams[self.stream] = self

    def tell(self, listener: LegListener) -> None:
        """Notify `listener` from now on, in place of the listener before."""
        self._listener = listener

    @property
    def is_lost(self) -> bool:
        """Whether the session ended without a hang-up: the peer was lost."""
        return self.ended_by is not None and self.ended_by is not EndCause.BYE

    # --- being called ---

    def take_offer(self, session: SessionId, offer: bytes, source: Address, audio: AudioRule) -> None:
        """Agree on the caller's offer, which came from `source`; raises SdpError with the status to refuse with.

        Without an offer ours goes into the 200, and the answer comes with the ACK.
        """
        self.session = session
        self._event_router.sessions[session] = self
        self.sip_host, self._audio = source.host, audio
        self._take(offer)

    def answer(self) -> None:
        """Send 200; from now on audio can be sent to the caller."""
        self.is_answered = True
        self._connect()
        self._event_router.stack.answer(self._established(), self._described)

    # --- calling ---

    def dial(self, invite: OutgoingInvite, audio: AudioRule | None = None) -> None:
        """Place `invite` with our offer as its body; `audio` says where a trunk may have its audio."""
        self.sip_host = invite.flow.remote.host
        self._audio = audio or self._audio
        self._described = negotiate.offer(self._local)
        with_offer = replace(invite, body=self._described)
        self.session = self._event_router.stack.invite(with_offer)
        self._event_router.sessions[self.session] = self

    def ring(self, phones: Withdrawable) -> bytes:
        """Let `phones` ring for the leg; returns the one offer for all of them, as a fork has to use the same."""
        self._ringing = phones
        self._described = negotiate.offer(self._local)
        return self._described

    def agree(self, answer: bytes) -> None:
        """Connect the audio by the answer of one of them; SdpError, and no change, if the answer allows no audio."""
        self._agree(answer)

    def take_over(self, session: SessionId, phone: AtPhone) -> None:
        """Take over the session of the phone whose answer was agreed on."""
        self._ringing = None
        self.session, self.phone = session, phone
        self._event_router.sessions[session] = self
        self._watch(self._watched)
        self.is_answered = True
        self._listener.notify(PickedUp(self))

    # --- audio ---

    @property
    def codec(self) -> str:
        """The codec's name, empty before it is agreed."""
        return "" if self._media is None else self._media.codec.value

    def play(self, clips: Sequence[ClipId], playback: int, *, over_music: bool = False) -> None:
        """Play `clips` once, instead of anything that plays; `Played` follows unless it is stopped or replaced.

        With `over_music` the music, if it plays, goes on beneath them at a lower level.
        """
        self._event_router.engine.play(self.stream, clips, playback, over_music=over_music)

    def stop_playing(self) -> None:
        """Stop the playback; the music, if there is any, goes on."""
        self._event_router.engine.stop_playing(self.stream)

    def set_music(self, clips: Sequence[ClipId]) -> None:
        """Loop `clips` whenever nothing else is played; empty for silence."""
        self._event_router.engine.set_background(self.stream, clips)

    def bridge(self, other: "Leg") -> None:
        """Let the two hear each other; without effect once the other is closed, of which its call is notified next."""
        if other._is_open:
            self._event_router.engine.bridge(self.stream, other.stream)

    def unbridge(self) -> None:
        """End the bridge, if there is one."""
        self._event_router.engine.unbridge(self.stream)

    def figures(self) -> StreamFigures:
        """The stream's counters so far."""
        return self._event_router.engine.figures(self.stream)

    # --- ending ---

    def hang_up(self) -> None:
        """End the session in the way that its state needs; no note follows."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None:
            ringing.withdraw()
        session = self._part()
        if session is not None:
            self._event_router.stack.hang_up(session)

    def refuse(self, status: int, headers: Fields = ()) -> None:
        """Refuse the caller's INVITE with `status`."""
        session = self._part()
        if session is not None:
            self._event_router.stack.refuse(session, status, headers=headers)

    def close(self) -> StreamFigures | None:
        """Hang up if need be and give stream and capacity back; the stream's last figures, None the second time."""
        self.hang_up()
        if not self._is_open:
            return None
        self._is_open = False
        del self._event_router.streams[self.stream]
        self._event_router.ports.difference_update((self._local.address.port, self._local.address.port + 1))
        figures = self._event_router.engine.close(self.stream)
        self._event_router.carried.add(figures)
        if self.capacity is not None:
            self.capacity.give_back()
        return figures

    # --- what the driver delivers ---

    def on_confirmed(self, event: SessionConfirmed) -> None:
        """The ACK came, with the answer if our 200 had an offer; without it there is no audio (RFC 3261 13.2.2.4).

        After a re-INVITE without an offer, an ACK without an answer leaves the audio as it was (section 14.1).
        """
        is_agreed = True
        if self._is_answer_due:
            self._is_answer_due = False
            is_agreed = (self._media is not None and not event.body) or self._accept(event.body)
        if not is_agreed:
            self._end(EndCause.NO_AUDIO)
            return
        self._listener.notify(Confirmed(self))

    def on_answered(self, body: bytes) -> None:
        """The peer picked up."""
        if not self._accept(body):
            self._listener.notify(Declined(self, NotAcceptable.sip_status, "answer without a codec of ours"))
            return
        self.is_answered = True
        self._listener.notify(PickedUp(self))

    def on_progress(self, status: int, body: bytes) -> None:
        """The peer's phone rings, or its switch sends early media (RFC 3960).

        The latest description counts, whichever phone of a fork it comes from. One that allows no audio changes
        nothing, since the call may still be answered.
        """
        self._listener.notify(Ringing(self, status))
        if not body or body == self._early or self._ringing is not None:
            return
        self._early = body
        try:
            media = self._aim(negotiate.accept_answer(body, self._described))
        except SdpError:
            return
        if media.receives:
            self._event_router.engine.connect(self.stream, self._target(media, is_early=True))
            self._listener.notify(EarlyAudio(self))

    def on_refused(self, status: int, reason: str, response: Response | None = None) -> None:
        """Our INVITE was refused."""
        self._ringing = None
        self._part()
        self._listener.notify(Declined(self, status, reason, response))

    def on_modified(self, event: SessionModified) -> None:
        """A re-INVITE: answer it if we can, and notify the call of hold or resume."""
        source, self.sip_host = self.sip_host, event.source.host
        try:
            self._take(event.offer)
        except SdpError as error:
            self.sip_host = source
            self._event_router.stack.refuse_modify(event.session, error.sip_status, warning(error))
            return
        self._connect()
        self._event_router.stack.accept_modify(event.session, self._described)
        self._note_hold()

    def on_info(self, event: InfoArrived) -> None:
        """Keys of phones that send them in INFO."""
        digit = self._keys.of_info(event.content_type, event.body, self._event_router.clock.now())
        if digit:
            self._listener.notify(Pressed(self, digit))

    def on_ended(self, event: SessionEnded) -> None:
        """The peer hung up, or the session failed."""
        self._part()
        self._end(EndCause.LOST if self._is_silent and event.cause is EndCause.GONE else event.cause)
        if self.ended_by in VANISHED and self.phone is not None:
            self._event_router.bus.publish(PhoneVanished(self.phone))

    def on_cancelled(self) -> None:
        """The caller gave up before we answered."""
        self._part()
        self._end(EndCause.BYE)

    def on_digit(self, digit: str) -> None:
        """A key, as telephone-event."""
        if self._keys.counts(digit, self._event_router.clock.now()):
            self._listener.notify(Pressed(self, digit))

    def on_played(self, playback: int) -> None:
        """A playback was heard to its end."""
        self._listener.notify(Played(self, playback))

    def on_silence(self, silent_for_s: float) -> None:
        """There is no sign of life. Muted phones and waiting callers send nothing either: the peer is asked (OPTIONS).

        A party on hold, or one that need not send, is asked already.
        """
        audio, now = self._event_router.audio, self._event_router.clock.now()
        if self._watched is None:
            self._is_silent = True
            packets = self.figures().packets_in
            if self._hush is None or self._hush.packets != packets:
                self._hush = Hush(now - silent_for_s, packets)
            limit_s = max(0.0, self._hush.since + audio.silent_max_s - now) if audio.silent_max_s else None
            self._watch(Watch(ASKED_EVERY_S, limit_s, first_s=0.0, answer_within_s=audio.answer_within_s))

    def on_resumed(self) -> None:
        """There is a sign of life again."""
        self._hush = None
        if self._is_silent:
            self._is_silent = False
            self._watch(None)

    def on_speech_ended(self) -> None:
        """The caller has stopped speaking in a message."""
        self._listener.notify(StoppedSpeaking(self))

    def on_hold_limit(self) -> None:
        """A hold or a time without audio is at its limit. A party that sent audio against its SDP gets more time."""
        audio, watched = self._event_router.audio, self._watched
        if self._is_silent and self._hush is not None and self._hush.packets != self.figures().packets_in:
            # A re-INVITE came after the silence; the engine counts again since then, and reports no end of the silence.
            self.on_resumed()
            return
        if self._is_silent:
            self.hang_up()
            self._end(EndCause.SILENT)
            return
        rest_s = audio.held_max_s - audio.unheard_max_s
        if watched is not None and watched.limit_s == audio.unheard_max_s and self._is_heard() and rest_s > 0:
            self._watch(self._resting(rest_s))
            return
        self.hang_up()
        self._end(EndCause.HELD)

    # --- within ---

    def _end(self, cause: EndCause) -> None:
        """The session has ended; the first cause counts."""
        self.ended_by = self.ended_by or cause
        self._listener.notify(HungUp(self, cause))

    def _part(self) -> SessionId | None:
        """Release the session: none of its events reaches the leg any more."""
        session, self.session = self.session, None
        if session is not None:
            self._event_router.sessions.pop(session, None)
        return session

    def _take(self, offer: bytes) -> None:
        """Answer an offer, or make one where there is none; SdpError leaves everything as it was."""
        if not offer:
            self._described = negotiate.offer(self._local, self._described)
            self._is_answer_due = True
            return
        self._media = self._aim(negotiate.answer_offer(offer, self._local, self._described))
        self._described = self._media.body
        self._is_answer_due = False

    def _aim(self, media: Negotiated) -> Negotiated:
        remote = aimed(media.remote, self.sip_host, self._audio, self._event_router.ours)
        return media if remote == media.remote else replace(media, remote=remote)

    def _accept(self, answer: bytes) -> bool:
        """Take the answer to our offer; one that allows no audio ends the session, with a Reason (RFC 3326)."""
        try:
            self._agree(answer)
        except SdpError as error:
            session = self._part()
            if session is not None:
                self._event_router.stack.hang_up(session, reason_header(error))
            return False
        return True

    def _agree(self, answer: bytes) -> None:
        self._media = self._aim(negotiate.accept_answer(answer, self._described))
        self._connect()
        self._note_hold()

    def _note_hold(self) -> None:
        is_held = self._media is not None and not self._media.sends
        if is_held != self.is_held:
            self.is_held = is_held
            self._listener.notify(HoldChanged(self, is_held))

    def _connect(self) -> None:
        media = self._media
        if media is None:
            return
        self._event_router.engine.connect(self.stream, self._target(media))
        is_at_rest = not (media.sends and media.receives)
        watched = None if self._is_silent else self._watched
        self._is_silent = False  # the engine counts again from here
        if is_at_rest:
            self._hush = None
        self._watch(watched or self._patience() if is_at_rest else None)

    def _target(self, media: Negotiated, *, is_early: bool = False) -> StreamTarget:
        return StreamTarget(
            address=media.remote,
            codec=EngineCodec[media.codec.name],
            payload_type=media.payload_type,
            dtmf_payload_type=media.dtmf_payload_type,
            dtmf_payload_types_in=media.dtmf_payload_types_in,
            audio_in=tuple([(number, EngineCodec[codec.name]) for number, codec in media.audio_in]),
            sends=media.sends,
            receives=media.receives,
            ptime_ms=media.ptime_ms,
            has_nat=self.has_nat,
            is_symmetric=self.is_symmetric,
            is_early=is_early,
            sip_host=self.sip_host,
        )

    def _watch(self, watch: Watch | None) -> None:
        """Ask a party by OPTIONS whether it is there: the engine cannot know of a party that need not send to us."""
        self._watched = watch
        if self.session is not None:
            self._event_router.stack.watch(self.session, watch)

    def _patience(self) -> Watch:
        audio = self._event_router.audio
        return self._resting(audio.held_max_s if self._is_heard() else audio.unheard_max_s)

    def _resting(self, limit_s: float) -> Watch:
        audio = self._event_router.audio
        return Watch(ASKED_EVERY_S, limit_s, answer_within_s=audio.answer_within_s)

    def _is_heard(self) -> bool:
        return self._event_router.engine.figures(self.stream).packets_in > 0

    def _established(self) -> SessionId:
        if self.session is None:
            raise RuntimeError("the leg has no session to answer")
        return self.session


def warning(error: SdpError) -> Fields:
    """The Warning for the refusal of an offer, which says what is missing (RFC 3261 section 20.43)."""
    return (("Warning", f"{error.code:d} {WARN_AGENT} {quoted(_shown(error))}"),)


def reason_header(error: SdpError) -> Fields:
    """The Reason for the BYE after an answer without audio (RFC 3326)."""
    return (("Reason", f"SIP;cause={error.sip_status};text={quoted(_shown(error))}"),)


def _shown(error: SdpError) -> str:
    """The problem as ASCII: parts of it are text of the peer."""
    return str(error).encode("ascii", "replace").decode()


def contact_of(phone: AtPhone | None) -> str:
    """The URI of a leg's phone as events show it; empty without one."""
    return "" if phone is None else phone.contact
