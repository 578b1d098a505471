"""A leg: one party of a call, which is one SIP session and one media stream.

The leg does what the protocols ask of it by itself (answers re-INVITEs, follows a phone's change of address) and
tells its call, as notes, what the call's script may want to react to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.key_source import KeySource
from acdcore.calls.media.audio_address import AudioRule, aimed
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
"""Who warns: a pseudonym, which names no address of ours (RFC 3261 section 25.1, warn-agent)."""
VANISHED = frozenset({EndCause.GONE, EndCause.LOST, EndCause.TIMER})
"""How a session ends whose peer is not there any more: its phone, its gateway, or the network between."""


class Side(StrEnum):
    """Which part a leg plays in its call."""

    CALLER = "caller"
    AGENT = "agent"
    EXTERNAL_NUMBER = "external_number"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The peer acknowledged our answer."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class Ringing:
    """The peer's phone rings, or its switch works on it (any 1xx above 100)."""

    leg: "Leg"
    status: int


@dataclass(frozen=True, slots=True)
class EarlyAudio:
    """The peer may be heard before it answers: its switch's ringing tone, or the carrier's word on the number."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class PickedUp:
    """The peer answered, and audio can flow."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class Declined:
    """The peer did not answer: its final status, 408 for silence, 488 for an answer without a codec of ours."""

    leg: "Leg"
    status: int
    reason: str
    response: Response | None = None
    """What it said; None when it said nothing."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The peer ended the session, or it broke."""

    leg: "Leg"
    cause: EndCause


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The peer put us on hold, or resumed."""

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
    """Nobody has spoken in a message for as long as its recording was told to wait; packets may still come."""

    leg: "Leg"


LegNote = (
    Confirmed | Ringing | EarlyAudio | PickedUp | Declined | HungUp | HoldChanged | Pressed | Played | StoppedSpeaking
)


class LegListener(Protocol):
    """Who hears of what happens on a leg: its call."""

    def notify(self, note: LegNote) -> None:
        """Take the note; must not wait."""
        ...


@dataclass(frozen=True, slots=True)
class AtPhone:
    """Which registered phone a leg is at."""

    user: str
    """The user under which it is registered."""
    contact: str
    """The URI that it registered."""
    instance: str = ""
    """Its `+sip.instance` (RFC 5626 section 4.1), empty when it named none."""


class Withdrawable(Protocol):
    """Phones that ring for a leg."""

    def withdraw(self) -> None:
        """Let none of them ring any more."""
        ...


@dataclass(frozen=True, slots=True)
class Hush:
    """A silence of a party that ought to send."""

    since: float
    packets: int
    """How many of its packets had been heard by then; as long as there are no more, the silence goes on."""


class Leg:
    """One party. `session`, `stream` and `line` are given back by `close`, whatever state the leg is in."""

    def __init__(self, event_router: EventRouter, side: Side, listener: LegListener) -> None:
        self.side = side
        self.capacity: TakenCapacity | None = None
        """The line that the leg alone takes; the caller's belongs to the call."""
        self.session: SessionId | None = None
        self.is_held = False
        self.is_answered = False
        self.ended_by: EndCause | None = None
        """Why the session came to its end; None while it goes on, and where we have ended it."""
        self.has_nat = True
        """Whether a NAT may lie between the peer's audio and us."""
        self.is_symmetric = True
        """Whether it hears us where it sends from, rather than where its SDP says."""
        self.sip_host = ""
        """The address that the peer's SIP comes from; its audio may too."""
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
        """Our description is an offer that the peer has to answer in its ACK."""
        self._watched: Watch | None = None
        self._keys = KeySource()
        self._audio = event_router.audio.phones
        self._is_silent = False
        """There has been no sign of life in its audio for a while, though it ought to send."""
        self._hush: Hush | None = None
        """The latest silence, which a re-INVITE does not end."""
        self._is_open = True
        event_router.streams[self.stream] = self

    def tell(self, listener: LegListener) -> None:
        """Have `listener` hear from now on of what happens on the leg, instead of who heard of it until now."""
        self._listener = listener

    @property
    def is_lost(self) -> bool:
        """Whether the session came to an end that the peer did not mean: nobody hung up."""
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
        """Send 200; audio can flow to the caller at once, and comes when the caller sends it."""
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
        """Have several phones ring for the leg; returns the offer for all of them, as a fork's must be one."""
        self._ringing = phones
        self._described = negotiate.offer(self._local)
        return self._described

    def agree(self, answer: bytes) -> None:
        """Connect the audio as the answer of one of them says; SdpError, and nothing changed, if it gives us none."""
        self._agree(answer)

    def take_over(self, session: SessionId, phone: AtPhone) -> None:
        """The phone to whose answer the leg has agreed is the leg's from now on."""
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

        With `over_music` the music, if it is to be heard, goes on beneath them at a lower level.
        """
        self._event_router.engine.play(self.stream, clips, playback, over_music=over_music)

    def stop_playing(self) -> None:
        """Be silent, or go on with the music."""
        self._event_router.engine.stop_playing(self.stream)

    def set_music(self, clips: Sequence[ClipId]) -> None:
        """Loop `clips` whenever nothing else is to be heard; empty for silence."""
        self._event_router.engine.set_background(self.stream, clips)

    def bridge(self, other: "Leg") -> None:
        """Let the two hear each other; without effect once the other is closed, which its call is about to hear."""
        if other._is_open:
            self._event_router.engine.bridge(self.stream, other.stream)

    def unbridge(self) -> None:
        """Part from whom the leg is bridged to."""
        self._event_router.engine.unbridge(self.stream)

    def figures(self) -> StreamFigures:
        """What the stream has carried so far."""
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
        """Turn an unanswered caller away."""
        session = self._part()
        if session is not None:
            self._event_router.stack.refuse(session, status, headers=headers)

    def close(self) -> StreamFigures | None:
        """Hang up if need be and give stream and line back; the stream's last figures, None the second time."""
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
        """The ACK came, with the answer if our 200 had an offer; without one there is no audio (RFC 3261 13.2.2.4).

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
        """The peer's phone rings, or its switch lets something be heard before the answer (RFC 3960).

        The latest description counts, whichever phone of a fork it comes from; one that gives us no audio changes
        nothing, since the call may be answered all the same.
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
        """Our call was not taken."""
        self._ringing = None
        self._part()
        self._listener.notify(Declined(self, status, reason, response))

    def on_modified(self, event: SessionModified) -> None:
        """A re-INVITE: agree if we can, and say so if it means hold or resume."""
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
        """The peer hung up, or the session broke."""
        self._part()
        self._end(EndCause.LOST if self._is_silent and event.cause is EndCause.GONE else event.cause)
        if self.ended_by in VANISHED:
            self._event_router.on_gone(self)

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
        """There is no sign of life. Muted phones and waiting callers send nothing either: so the peer is asked.

        Where the audio rests that is to be expected, and it is asked already.
        """
        audio, now = self._event_router.audio, self._event_router.clock.now()
        if self._watched is None:
            self._is_silent = True
            packets = self.figures().packets_in
            if self._hush is None or self._hush.packets != packets:
                self._hush = Hush(now - silent_for_s, packets)
            limit_s = max(0.0, self._hush.since + audio.silent_max_s - now) if audio.silent_max_s else None
            self._watch(Watch(audio.asked_every_s, limit_s, first_s=0.0, answer_within_s=audio.answer_within_s))

    def on_resumed(self) -> None:
        """There is a sign of life again."""
        self._hush = None
        if self._is_silent:
            self._is_silent = False
            self._watch(None)

    def on_speech_ended(self) -> None:
        """A message has come to its end."""
        self._listener.notify(StoppedSpeaking(self))

    def on_hold_limit(self) -> None:
        """The audio has rested for too long; who was heard though it said that it would send nothing has more time."""
        audio, watched = self._event_router.audio, self._watched
        if self._is_silent and self._hush is not None and self._hush.packets != self.figures().packets_in:
            # The word of the silence was overtaken by a re-INVITE, after which the engine counts anew and tells no end.
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
        """The session has come to its end, for the first of its causes."""
        self.ended_by = self.ended_by or cause
        self._listener.notify(HungUp(self, cause))

    def _part(self) -> SessionId | None:
        """Let go of the session: nothing of it reaches us any more."""
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
        """Take the answer to our offer; one that gives us no audio ends the session, and says why (RFC 3326)."""
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
        self._is_silent = False  # the engine counts anew
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
        """Have a party asked whether it is there, of which the engine cannot tell: it need not send, or not to us."""
        self._watched = watch
        if self.session is not None:
            self._event_router.stack.watch(self.session, watch)

    def _patience(self) -> Watch:
        audio = self._event_router.audio
        return self._resting(audio.held_max_s if self._is_heard() else audio.unheard_max_s)

    def _resting(self, limit_s: float) -> Watch:
        audio = self._event_router.audio
        return Watch(audio.asked_every_s, limit_s, answer_within_s=audio.answer_within_s)

    def _is_heard(self) -> bool:
        return self._event_router.engine.figures(self.stream).packets_in > 0

    def _established(self) -> SessionId:
        if self.session is None:
            raise RuntimeError("the leg has no session to answer")
        return self.session


def warning(error: SdpError) -> Fields:
    """What goes with the refusal of an offer: a Warning that says what is missing (RFC 3261 section 20.43)."""
    return (("Warning", f"{error.code:d} {WARN_AGENT} {quoted(_shown(error))}"),)


def reason_header(error: SdpError) -> Fields:
    """What goes with the BYE after an answer without audio."""
    return (("Reason", f"SIP;cause={error.sip_status};text={quoted(_shown(error))}"),)


def _shown(error: SdpError) -> str:
    """The problem as ASCII: parts of it are the peer's words."""
    return str(error).encode("ascii", "replace").decode()


def contact_of(phone: AtPhone | None) -> str:
    """The URI of a leg's phone as events show it; empty without one."""
    return "" if phone is None else phone.contact
