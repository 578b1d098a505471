"""The driver of forking: the sessions of the phones that ring for one leg, until it has the one that was answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from acdcore.calls.agents import forking
from acdcore.calls.agents.forking import Forking, GiveUpReason
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.leg import AtPhone, Leg, reason_header
from acdcore.kernel.clock import Clock
from acdcore.sdp.model import NotAcceptable, SdpError
from acdcore.sip.events import (
    Fields,
    InfoArrived,
    OutgoingInvite,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
)
from acdcore.sip.syntax.message import Response

FAREWELLS: Final[Mapping[GiveUpReason, Fields]] = {
    GiveUpReason.WITHDRAWN: (),
    GiveUpReason.SILENT: (),
    GiveUpReason.ANSWERED_ELSEWHERE: (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),),
    GiveUpReason.DECLINED_ELSEWHERE: (("Reason", 'SIP;cause=603;text="Declined elsewhere"'),),
}
"""Reason fields for a phone whose ringing ends (RFC 3326): with the first it shows no missed call."""


DEAD: Final = frozenset({408, 503})
"""Statuses of the SIP stack for a phone that does not respond or cannot be sent to; all others show a live phone."""


@dataclass(frozen=True, slots=True)
class PhoneToRing:
    """One phone of the agent."""

    invite: OutgoingInvite
    """The INVITE, to which the leg's offer is added."""
    q: float
    """Preference of the Contact, 0 to 1."""
    at: AtPhone
    """The phone."""


class RingingPhones:
    """All phones of one offer. The leg is notified as of a single phone."""

    def __init__(
        self,
        leg: Leg,
        phones: Sequence[PhoneToRing],
        ring_for_s: float,
        on_dead: Callable[[AtPhone], None],
        event_router: EventRouter,
        clock: Clock,
    ) -> None:
        """`phones` has the most preferred first; `on_dead` is called with each that does not respond at all."""
        self._leg = leg
        self._on_dead = on_dead
        self._phones = phones
        self._event_router = event_router
        self._clock = clock
        self._forking = Forking([phone.q for phone in phones], ring_for_s)
        self._sessions: dict[int, SessionId] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._offer = b""

    def start(self) -> None:
        """Call the most preferred ones."""
        self._offer = self._leg.ring(self)
        self._carry_out(self._forking.start(self._clock.now()))

    def withdraw(self) -> None:
        """Stop all of them from ringing; the leg is not notified."""
        self._carry_out(self._forking.withdraw())

    def phone(self, place: int) -> AtPhone:
        """One of them."""
        return self._phones[place].at

    # --- what the phones do ---

    def progress(self, place: int, status: int) -> None:
        """A phone rings."""
        self._carry_out(self._forking.progress(place, status))

    def answered(self, place: int, body: bytes) -> None:
        """A phone was answered; without audio for us that is a refusal."""
        self._leg.sip_host = self._phones[place].invite.flow.remote.host
        try:
            self._leg.agree(body)
        except SdpError as error:
            self._hang_up(place, reason_header(error))
            self.refused(place, NotAcceptable.sip_status, str(error))
            return
        self._carry_out(self._forking.answered(place))

    def refused(self, place: int, status: int, reason: str) -> None:
        """A phone is over; its session is gone."""
        self._forget(place)
        if status in DEAD:
            self._on_dead(self._phones[place].at)
        self._carry_out(self._forking.refused(place, status, reason, self._clock.now()))

    # --- within ---

    def _carry_out(self, outputs: Sequence[forking.ForkOutput]) -> None:
        for output in outputs:
            match output:
                case forking.SendInvite(phone=place):
                    invite = replace(self._phones[place].invite, body=self._offer)
                    session = self._sessions[place] = self._event_router.stack.invite(invite)
                    self._event_router.sessions[session] = Branch(self, place)
                case forking.GiveUp(phone=place, why=why):
                    self._hang_up(place, FAREWELLS[why])
                    if why is GiveUpReason.SILENT:
                        self._on_dead(self._phones[place].at)
                case forking.PhoneRings(status=status):
                    self._leg.on_progress(status, b"")
                case forking.PhoneTaken(phone=place):
                    self._leg.take_over(self._sessions.pop(place), self._phones[place].at)
                case forking.AllLost(status=status, reason=reason):
                    self._leg.on_refused(status, reason)
        self._arm()

    def _hang_up(self, place: int, farewell: Fields) -> None:
        session = self._forget(place)
        if session is not None:
            self._event_router.stack.hang_up(session, farewell)

    def _forget(self, place: int) -> SessionId | None:
        session = self._sessions.pop(place, None)
        if session is not None:
            self._event_router.sessions.pop(session, None)
        return session

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = None if self._forking.is_over else self._forking.next_deadline()
        if at is not None:
            delay_s = max(0.0, at - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._carry_out(self._forking.handle_deadline(self._clock.now()))


class Branch:
    """The party of one phone's session while it rings. Events that only an answered session has cannot reach it."""

    def __init__(self, phones: RingingPhones, place: int) -> None:
        self._phones = phones
        self._place = place

    @property
    def phone(self) -> AtPhone:
        """The phone that rings."""
        return self._phones.phone(self._place)

    def on_progress(self, status: int, body: bytes) -> None:
        self._phones.progress(self._place, status)  # the caller hears music, not early media of the phone

    def on_answered(self, body: bytes) -> None:
        self._phones.answered(self._place, body)

    def on_refused(self, status: int, reason: str, response: Response | None = None) -> None:
        # A redirection (302) of a phone is not followed: agents' phones may not make outbound calls.
        self._phones.refused(self._place, status, reason)

    def on_ended(self, event: SessionEnded) -> None:
        self._phones.refused(self._place, 480, event.cause)

    def on_confirmed(self, event: SessionConfirmed) -> None: ...

    def on_modified(self, event: SessionModified) -> None: ...

    def on_cancelled(self) -> None: ...

    def on_info(self, event: InfoArrived) -> None: ...

    def on_digit(self, digit: str) -> None: ...

    def on_played(self, playback: int) -> None: ...

    def on_silence(self, silent_for_s: float) -> None: ...

    def on_speech_ended(self) -> None: ...

    def on_resumed(self) -> None: ...

    def on_hold_limit(self) -> None: ...
