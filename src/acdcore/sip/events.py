"""What goes into the SIP endpoint and what comes out of it: flows, orders to the driver, events for call control."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from acdcore.kernel.address import Address
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.peers import Peer
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.uri import SipUri

SessionId = NewType("SessionId", int)
"""One INVITE usage from the first INVITE to its end, in either direction; never used twice."""
ServerTransactionId = NewType("ServerTransactionId", int)
"""A request outside of any dialog that waits for our `respond`."""
RequestId = NewType("RequestId", int)
"""A request of ours outside of any dialog."""

Fields = tuple[tuple[str, str], ...]
"""Extra header fields of a message, (name, value), in the order in which they are to be sent."""


class Transport(StrEnum):
    """How bytes travel; the value is the word in Via."""

    UDP = "UDP"
    TCP = "TCP"

    @property
    def is_reliable(self) -> bool:
        """Reliable transports need no retransmission (RFC 3261 section 17)."""
        return self is Transport.TCP


@dataclass(frozen=True, slots=True)
class SipFlow:
    """The way between us and one peer; the answer to a message goes back along the flow on which it came."""

    transport: Transport
    """UDP or TCP."""
    local: Address
    """Our listening address, which Via and Contact name (not the ephemeral port of a connection we opened)."""
    remote: Address
    """The peer's address as seen on the wire."""
    connection: int = 0
    """The driver's number of a TCP connection; 0 for UDP, and for a TCP connection that is still to be opened."""


class InDialog(StrEnum):
    """What requests within a dialog follow."""

    ROUTE = "route"
    """Route set and Contact."""
    SOURCE = "source"
    """The way by which the dialog's INVITE, or the peer's latest re-INVITE, came."""


@dataclass(frozen=True, slots=True)
class Hop:
    """An address with its transport."""

    transport: Transport
    address: Address


@dataclass(frozen=True, slots=True)
class DialogPath:
    """How a peer's dialogs find it."""

    follows: InDialog = InDialog.SOURCE
    """What decides first."""
    home: Hop | None = None
    """The peer's address in the settings: where it can be connected to. None: it has none."""

    @property
    def is_found_anew(self) -> bool:
        """Whether the peer is a server that can be connected to, unlike a phone that connects to us."""
        return self.follows is InDialog.ROUTE or self.home is not None


class DiscardReason(StrEnum):
    """Why a message was dropped; counted by the driver, never logged one by one."""

    MALFORMED = "malformed"
    """Not SIP, or too broken to be answered."""
    STRAY_RESPONSE = "stray_response"
    """A response that belongs to no transaction of ours."""
    STRAY_ACK = "stray_ack"
    """An ACK that belongs to no INVITE that we know."""
    UNEXPECTED = "unexpected"
    """The transaction's table has no use for it in its present state."""
    FLOOD = "flood"
    """The source has sent more than it may; dropped unread."""
    BANNED = "banned"
    """The source is banned; dropped unread."""


class Leniency(StrEnum):
    """What was overlooked in a message that was taken; counted by the driver."""

    NOT_UTF8 = "not_utf8"
    """Header bytes that are not UTF-8 (RFC 3261 section 7.3.1), such as names in GBK."""


class EndCause(StrEnum):
    """Why a session that was answered came to its end."""

    BYE = "bye"
    """The peer hung up."""
    ACK_TIMEOUT = "ack_timeout"
    """Our 2xx was never acknowledged (RFC 3261 section 13.3.1.4)."""
    FLOW_CLOSED = "flow_closed"
    """The TCP connection is gone on which an INVITE came that we have not answered yet."""
    TIMER = "timer"
    """The session timer ran out without a refresh (RFC 4028 section 10)."""
    UNANSWERED = "unanswered"
    """We neither answered nor refused the INVITE in time: a fault of ours."""
    NO_AUDIO = "no_audio"
    """The ACK of our offer brought no answer that gives us audio (RFC 3261 section 13.2.2.4)."""
    HELD = "held_too_long"
    """A hold that lasted as long as one may."""
    SILENT = "silent_too_long"
    """The peer lives, but has sent no audio for as long as it may."""
    GONE = "gone"
    """The peer no longer knows the dialog, or is silent (408 or 481 inside a dialog, RFC 3261 section 12.2.1.2)."""
    LOST = "no_sign_of_life"
    """The peer is gone, and had sent no audio and no report for a while before."""


# --- orders for the driver ---


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send these bytes along this flow."""

    data: bytes
    """One whole message."""
    flow: SipFlow
    """Where to; a TCP flow with connection 0 is opened first, or an open one to the same remote is used."""


@dataclass(frozen=True, slots=True)
class CloseFlow:
    """Close this TCP connection: its stream can no longer be understood."""

    flow: SipFlow
    """The connection."""


@dataclass(frozen=True, slots=True)
class FlowProven:
    """A known peer uses this flow: its connection does not count as a stranger's any more."""

    flow: SipFlow
    """The flow."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A message was dropped; for the counters."""

    reason: DiscardReason
    """Why."""
    flow: SipFlow
    """Where it came from."""


@dataclass(frozen=True, slots=True)
class Tolerated:
    """A message was taken although its sender broke a rule; for the counters."""

    leniency: Leniency
    """What was overlooked."""
    flow: SipFlow
    """Where it came from."""


# --- events for call control ---


@dataclass(frozen=True, slots=True)
class InviteArrived:
    """A new call comes in; 100 was sent. Wants `progress`, `answer`, `refuse` or `hang_up`."""

    session: SessionId
    """The new session."""
    request: Request
    """The INVITE."""
    flow: SipFlow
    """Where it came from."""
    offer: bytes
    """The SDP offer; empty when the caller wants ours in the 2xx."""
    peer: Peer | None = None
    """Who was proven to call; None when it was not asked."""


@dataclass(frozen=True, slots=True)
class InviteCancelled:
    """The caller gave up before our answer; 200 and 487 were sent. The session is over."""

    session: SessionId
    """The session that ended."""


@dataclass(frozen=True, slots=True)
class SessionConfirmed:
    """The ACK of our 2xx came. Also for a re-INVITE without an offer, when its ACK carries the answer to ours."""

    session: SessionId
    """The session."""
    body: bytes
    """The SDP answer when the 2xx carried our offer; empty otherwise."""


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """A provisional response other than 100 to our INVITE."""

    session: SessionId
    """The session."""
    status: int
    """101 to 199."""
    body: bytes
    """Early media's SDP; often empty."""


@dataclass(frozen=True, slots=True)
class SessionAnswered:
    """Our INVITE was answered; the ACK was sent."""

    session: SessionId
    """The session, confirmed now."""
    body: bytes
    """The SDP answer."""


@dataclass(frozen=True, slots=True)
class SessionRefused:
    """Our INVITE failed; the session is over. Follows, once, also after our own `hang_up` of an unanswered INVITE."""

    session: SessionId
    """The session that ended."""
    status: int
    """300 to 699: the peer's, or 408 on silence, 503 on a failed transport, 487 after our CANCEL or the phone's BYE."""
    reason: str
    """The reason phrase."""
    response: Response | None
    """The response, None when there was none (for the Contact of a 302, the Retry-After of a 503)."""


@dataclass(frozen=True, slots=True)
class SessionModified:
    """The peer wants other media (hold, resume) by re-INVITE or UPDATE. Wants `accept_modify` or `refuse_modify`."""

    session: SessionId
    """The session."""
    offer: bytes
    """The SDP offer; empty when the peer wants ours, whose answer then comes in SessionConfirmed."""
    source: Address
    """Where it came from."""


@dataclass(frozen=True, slots=True)
class ModifyAnswered:
    """The outcome of our `modify`. The session goes on also when it was refused."""

    session: SessionId
    """The session."""
    status: int
    """200, or the refusal."""
    body: bytes
    """The SDP answer, empty when refused."""


@dataclass(frozen=True, slots=True)
class HoldLimitReached:
    """A session has been watched for as long as its `Watch` says. Wants `hang_up` or another `watch`."""

    session: SessionId
    """The session."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """An answered session is over, or an unanswered one whose caller's flow went or who sent BYE."""

    session: SessionId
    """The session that ended."""
    cause: EndCause
    """Why."""


@dataclass(frozen=True, slots=True)
class InfoArrived:
    """An INFO came within the session (digits of old phones); 200 was sent."""

    session: SessionId
    """The session."""
    content_type: str
    """Such as application/dtmf-relay, lower case, without parameters; empty when there is no body."""
    body: bytes
    """The body."""


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A request outside of any dialog (REGISTER) that call control answers by `respond`."""

    transaction: ServerTransactionId
    """What to respond to."""
    request: Request
    """The request."""
    flow: SipFlow
    """Where it came from."""
    peer: Peer | None = None
    """Who was proven to have sent it; None when it was not asked."""


@dataclass(frozen=True, slots=True)
class RequestRejected:
    """A request out of dialog was not admitted, or admitted and not served; it has its answer."""

    request: Request
    """The request."""
    flow: SipFlow
    """Where it came from."""
    status: int
    """What it was answered."""
    reason: str
    """For log and counters; empty for the challenge that every log-in begins with."""
    user: str = ""
    """Whose password was tried; the sender then certainly receives what is sent to his address."""


@dataclass(frozen=True, slots=True)
class RequestFinished:
    """The final outcome of our `request`."""

    request: RequestId
    """Which."""
    status: int
    """200 to 699; 408 on silence, 503 on a failed transport."""
    response: Response | None
    """None when there was none."""


@dataclass(frozen=True, slots=True)
class FlowClosed:
    """A TCP connection is gone; what could not do without it has ended before. Phones that registered over it cannot be
    rung until they register again."""

    flow: SipFlow
    """The connection."""


SipEvent = (
    InviteArrived
    | InviteCancelled
    | SessionConfirmed
    | SessionProgress
    | SessionAnswered
    | SessionRefused
    | SessionModified
    | ModifyAnswered
    | HoldLimitReached
    | SessionEnded
    | InfoArrived
    | RequestArrived
    | RequestRejected
    | RequestFinished
    | FlowClosed
)
"""What call control hears. A session ends with exactly one of InviteCancelled, SessionRefused, SessionEnded, or without
an event by our own `refuse` or `hang_up` (except an unanswered INVITE of ours: SessionRefused follows)."""

Output = Transmit | CloseFlow | FlowProven | Discarded | Tolerated | SipEvent
"""Everything that the endpoint returns, in the order in which it is to be carried out."""


# --- commands with more than a few parameters ---


@dataclass(frozen=True, slots=True)
class OutgoingInvite:
    """A call that we place."""

    target: SipUri
    """The Request-URI."""
    flow: SipFlow
    """Where to send it; the driver's `flow_to` makes one."""
    from_: NameAddr
    """Who calls, without a tag."""
    to: NameAddr
    """Who is called, without a tag."""
    body: bytes = b""
    """The SDP offer."""
    headers: Fields = ()
    """Extra header fields."""
    credentials: DigestClient | None = None
    """For a 401 or 407; without it the challenge is the final answer."""
    timeout_s: float = 180.0
    """How long to ring before we cancel and report 408 (RFC 3261 section 13.2.1 leaves it to us)."""
    path: DialogPath | None = None
    """How requests in the call find the peer; None: as the endpoint's settings say."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done while a session's audio cannot tell whether the peer is still there."""

    every_s: float
    """Seconds from an answer to the next question (OPTIONS within the dialog)."""
    limit_s: float | None = None
    """Seconds after which HoldLimitReached follows, counted from the command; None for no limit."""
    first_s: float | None = None
    """Seconds from the command to the first question; None for `every_s`."""
    answer_within_s: float | None = None
    """Seconds from a question to its answer, after which the peer is gone; None for the transaction's 64 x T1."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request of ours outside of any dialog."""

    method: str
    """Such as OPTIONS or REGISTER; neither INVITE, ACK, CANCEL nor BYE."""
    target: SipUri
    """The Request-URI."""
    flow: SipFlow
    """Where to send it."""
    from_: NameAddr
    """Who asks, without a tag."""
    to: NameAddr
    """Who is asked."""
    headers: Fields = ()
    """Extra header fields."""
    body: bytes = b""
    """With a Content-Type among `headers`."""
    credentials: DigestClient | None = None
    """For a 401 or 407."""


@dataclass(frozen=True, slots=True)
class EndpointCensus:
    """What is alive in an endpoint; all zero when every call has ended and every timer has run out."""

    transactions: int
    """Client and server transactions of all kinds."""
    dialogs: int
    """Dialogs that can still receive requests."""
    sessions: int
    """INVITE usages."""
    requests: int
    """Requests of ours and of peers, outside of dialogs, without a final response."""
    deadlines: int
    """Armed timers."""
