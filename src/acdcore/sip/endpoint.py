"""The SIP endpoint: all sessions, dialogs and transactions of one user agent, as one pure machine.

Bytes, commands and the time go in; orders for the driver and events for the hall come out, in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.events import (
    Census,
    Fields,
    Flow,
    OutgoingInvite,
    OutgoingRequest,
    Output,
    RequestId,
    ServerTransactionId,
    SessionId,
)
from acdcore.sip.timers import Timing


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What the operator decides about the endpoint."""

    user_agent: str = "acdcore"
    """The User-Agent and Server header."""
    contact_user: str = "acdcore"
    """The user part of our Contact."""
    advertised: Mapping[Address, Address] = field(default_factory=dict)
    """Listening address -> the address that peers see (behind NAT), for Via and Contact."""
    surfaced_methods: frozenset[str] = frozenset({"REGISTER"})
    """Requests outside of dialogs that the hall answers; the others get 405 or 501."""
    timing: Timing = field(default_factory=Timing)
    """T1, T2, T4."""
    transactions_max: int = 50_000
    """100 set-ups a second leave about 12,000 lingering for 32 s; beyond this new requests get 503."""
    sessions_max: int = 5_000
    """150 lines have 300 sessions; beyond this new calls get 503."""
    retry_after_s: int = 5
    """What a 503 tells the peer."""
    session_expires_min_s: int = 90
    """The smallest session timer that we accept (RFC 4028 section 5), otherwise 422."""


class Endpoint:
    """One user agent core, RFC 3261; holds every session, knows no socket and no clock.

    Commands for a session, transaction or request that is over do nothing and return no outputs, because their end
    may cross the command. A command that the session's state never allows raises RuntimeError: that is our bug.
    """

    def __init__(self, settings: EndpointSettings, ids: IdSource) -> None:
        self._settings = settings
        self._ids = ids

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        """One message from the wire: a datagram, or one framed from a stream."""
        return []

    def flow_closed(self, flow: Flow, now: float) -> list[Output]:
        """A TCP connection closed or could not be opened; everything that hung on it ends."""
        return []

    def next_deadline(self) -> float | None:
        """When `handle_deadline` must be called next; None when nothing is armed."""
        return None

    def handle_deadline(self, now: float) -> list[Output]:
        """Carry out every timer that is due at `now`."""
        return []

    def progress(
        self, session: SessionId, status: int, now: float, body: bytes = b"", headers: Fields = ()
    ) -> list[Output]:
        """Send 101 to 199 to a caller."""
        return []

    def answer(self, session: SessionId, body: bytes, now: float, headers: Fields = ()) -> list[Output]:
        """Send 200 with the SDP to a caller; it is repeated until the ACK comes (SessionConfirmed)."""
        return []

    def refuse(
        self, session: SessionId, status: int, now: float, reason: str | None = None, headers: Fields = ()
    ) -> list[Output]:
        """End an unanswered incoming session with 300 to 699; no event follows."""
        return []

    def invite(self, invite: OutgoingInvite, now: float) -> tuple[SessionId, list[Output]]:
        """Place a call. Past the limit of sessions or transactions a SessionRefused 503 is among the outputs."""
        return SessionId(0), []

    def hang_up(self, session: SessionId, now: float, headers: Fields = ()) -> list[Output]:
        """End a session in the way that its state needs: 480, CANCEL or BYE, now or when it is allowed."""
        return []

    def modify(self, session: SessionId, body: bytes, now: float) -> list[Output]:
        """Offer other media by re-INVITE; ModifyAnswered follows. One at a time: a second one replaces a waiting one."""
        return []

    def accept_modify(self, session: SessionId, body: bytes, now: float) -> list[Output]:
        """Answer SessionModified with 200 and the SDP."""
        return []

    def refuse_modify(self, session: SessionId, status: int, now: float) -> list[Output]:
        """Answer SessionModified with 300 to 699, for example 488; the session goes on as it was."""
        return []

    def respond(
        self,
        transaction: ServerTransactionId,
        status: int,
        now: float,
        headers: Fields = (),
        body: bytes = b"",
    ) -> list[Output]:
        """Answer RequestArrived."""
        return []

    def request(self, request: OutgoingRequest, now: float) -> tuple[RequestId, list[Output]]:
        """Send a request outside of any dialog; RequestFinished follows."""
        return RequestId(0), []

    def census(self) -> Census:
        """What is alive; the leak ledger of tests and metrics."""
        return Census(0, 0, 0, 0, 0)
