"""A scripted phone: a real SIP stack at the end of the cable, and a user who does what the test says."""

from collections.abc import Callable

from tests.calls.cable import Cable, CabledStack

from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import IdSource
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia, MediaDirection
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    Fields,
    InviteArrived,
    InviteCancelled,
    ModifyAnswered,
    OutgoingInvite,
    OutgoingRequest,
    RequestFinished,
    SessionAnswered,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionRefused,
    SipEvent,
    SipFlow,
    Transport,
)
from acdcore.sip.session.own_headers import EndpointSettings
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri

SPEECH = (Codec.PCMA, Codec.PCMU)
FOREIGN = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n"
)
"""An offer without a codec of ours."""


def session_timer(expires_s: int) -> Fields:
    """What a phone that refreshes its sessions says; nothing for 0."""
    return (("Supported", "timer"), ("Session-Expires", f"{expires_s};refresher=uac")) if expires_s else ()


class Phone:
    """One call at a time; what it heard is kept for the test."""

    def __init__(self, cable: Cable, number: str, address: Address, centre: Address, clock: Clock) -> None:
        self.number = number
        self.address = address
        self.heard: list[SipEvent] = []
        self.session: SessionId | None = None
        self.is_up = False
        """In a talk, as far as the phone knows."""
        self.invite: InviteArrived | None = None
        """The INVITE that rings, or was answered."""
        self.refused_with: int | None = None
        """The final status of its own call."""
        self.on_ring: Callable[[Phone], None] = Phone.ring
        """What the phone does by itself when it is called."""
        self._house = centre
        self._media = LocalMedia(Address(address.host, 4000), SPEECH, session_id=1)
        self._described = b""
        ids = IdSource(sum(address.host.encode()) * 1000 + address.port)
        settings = EndpointSettings(user_agent="phone", contact_user=number)
        self.stack: CabledStack = cable.plug(address, Endpoint(settings, ids), clock, self._hear)

    # --- calling ---

    def call(
        self,
        dialled: str,
        offer: bytes | None = None,
        password: str = "",
        fields: tuple[str, ...] = (),
        session_expires_s: int = 0,
        headers: Fields = (),
    ) -> None:
        """Dial; `offer` replaces the phone's own, `fields` are values of P-Asserted-Identity, `headers` any others.

        With `session_expires_s` the phone promises to refresh the session within that time (RFC 4028), and does.
        """
        self._described = negotiate.offer(self._media) if offer is None else offer
        target = SipUri("sip", dialled, self._house.host)
        asserted = [("P-Asserted-Identity", value) for value in fields]
        self.session = self.stack.invite(
            OutgoingInvite(
                target=target,
                flow=self._flow(),
                from_=NameAddr(SipUri("sip", self.number, self.address.host)),
                to=NameAddr(target),
                body=self._described,
                headers=(*asserted, *headers, *session_timer(session_expires_s)),
                credentials=DigestClient(self.number, password) if password else None,
            )
        )

    def register(self, password: str, expires_s: int = 3600, params: str = "") -> None:
        """Tell the registrar where the phone is; 0 takes it away. `params` go into the Contact, such as `;q=0.5`."""
        who = NameAddr(SipUri("sip", self.number, self._house.host))
        contact = f"<sip:{self.number}@{self.address}>{params};expires={expires_s}"
        self.stack.request(
            OutgoingRequest(
                method="REGISTER",
                target=SipUri("sip", "", self._house.host),
                flow=self._flow(),
                from_=who,
                to=who,
                headers=(("Contact", contact),),
                credentials=DigestClient(self.number, password),
            )
        )

    # --- being called ---

    def ring(self) -> None:
        """Say 180."""
        self.stack.progress(self._its_session(), 180)

    def be_heard(self, status: int = 183, host: str = "", direction: MediaDirection = MediaDirection.SENDRECV) -> None:
        """Let something be heard before the answer, from `host` if it is elsewhere."""
        assert self.invite is not None, f"{self.number} does not ring"
        address = Address(host or self.address.host, 4000)
        media = LocalMedia(address, SPEECH, session_id=1, direction=direction)
        self.stack.progress(self._its_session(), status, negotiate.answer_offer(self.invite.offer, media).body)

    def say_nothing(self) -> None:
        """Not even ring."""

    def answer(self, direction: MediaDirection = MediaDirection.SENDRECV) -> None:
        """Pick up, on hold if `direction` says so."""
        assert self.invite is not None, f"{self.number} does not ring"
        media = LocalMedia(self._media.address, SPEECH, session_id=1, direction=direction)
        self._described = negotiate.answer_offer(self.invite.offer, media).body
        self.is_up = True
        self.stack.answer(self._its_session(), self._described)

    def answer_without_codec(self) -> None:
        """Pick up with nothing that could be heard."""
        self.is_up = True
        self.stack.answer(self._its_session(), FOREIGN)

    def refuse(self, status: int = 603, headers: Fields = ()) -> None:
        """Turn the call away."""
        self.stack.refuse(self._its_session(), status, headers=headers)
        self.session = self.invite = None

    # --- in a call ---

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer."""
        session = self._its_session()
        self._forget()
        self.stack.hang_up(session)

    def hold(self) -> None:
        """Hear nothing of the other."""
        self._modify(MediaDirection.SENDONLY)

    def resume(self) -> None:
        """Hear the other again."""
        self._modify(MediaDirection.SENDRECV)

    def offer_foreign(self) -> None:
        """Ask for a codec that nobody here has."""
        self.stack.modify(self._its_session(), FOREIGN)

    # --- what it heard ---

    @property
    def rings(self) -> bool:
        """Called, and neither answered nor given up."""
        return self.invite is not None and not self.is_up

    def statuses(self) -> list[int]:
        """Final statuses of its requests outside of calls."""
        return [event.status for event in self.heard if isinstance(event, RequestFinished)]

    def modify_statuses(self) -> list[int]:
        """Final statuses of its re-INVITEs."""
        return [event.status for event in self.heard if isinstance(event, ModifyAnswered)]

    # --- within ---

    def _modify(self, direction: MediaDirection) -> None:
        media = LocalMedia(self._media.address, SPEECH, session_id=1, direction=direction)
        self._described = negotiate.offer(media, self._described)
        self.stack.modify(self._its_session(), self._described)

    def _hear(self, event: SipEvent) -> None:
        self.heard.append(event)
        match event:
            case InviteArrived():
                self.invite, self.session, self.is_up = event, event.session, False
                self.on_ring(self)
            case SessionAnswered():
                self.is_up = True
            case SessionRefused(session=session, status=status) if session == self.session or self.session is None:
                self.refused_with = status
                self._forget()
            case SessionEnded(session=session) | InviteCancelled(session=session) if session == self.session:
                self._forget()
            case SessionModified(session=session, offer=offer):
                self._described = negotiate.answer_offer(offer, self._media, self._described).body
                self.stack.accept_modify(session, self._described)
            case _:
                pass

    def _forget(self) -> None:
        self.session = self.invite = None
        self.is_up = False

    def _its_session(self) -> SessionId:
        assert self.session is not None, f"{self.number} is in no call"
        return self.session

    def _flow(self) -> SipFlow:
        return self.stack.flow_to(Transport.UDP, self._house)
