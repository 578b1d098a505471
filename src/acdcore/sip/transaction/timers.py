"""The timers of RFC 3261 (table 4), RFC 6026 and RFC 4028, by their names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class SipTimer(StrEnum):
    """Every timer of the endpoint; the letters are those of RFC 3261 table 4 and RFC 6026."""

    A = "A"
    """INVITE client: retransmit the request, doubling."""
    B = "B"
    """INVITE client: give up waiting for any response."""
    D = "D"
    """INVITE client: absorb retransmitted failures."""
    E = "E"
    """Other client: retransmit the request, doubling up to T2."""
    F = "F"
    """Other client: give up."""
    G = "G"
    """INVITE server: retransmit the failure, doubling up to T2."""
    H = "H"
    """INVITE server: give up waiting for the ACK."""
    I = "I"  # noqa: E741 - the RFC's name
    """INVITE server: absorb retransmitted ACKs."""
    J = "J"
    """Other server: absorb retransmitted requests."""
    K = "K"
    """Other client: absorb retransmitted responses."""
    L = "L"
    """INVITE server: absorb retransmitted INVITEs after a 2xx."""
    M = "M"
    """INVITE client: pass on 2xx, retransmitted or forked."""
    ANSWER_AGAIN = "answer_again"
    """Session: retransmit the 2xx, doubling up to T2 (RFC 3261 section 13.3.1.4)."""
    ACK_WAIT = "ack_wait"
    """Session: give up waiting for the ACK of the 2xx."""
    RING_LIMIT = "ring_limit"
    """Session: our INVITE rang for long enough."""
    CANCEL_WAIT = "cancel_wait"
    """Session: no final response to the INVITE after our CANCEL (RFC 3261 section 9.1)."""
    GLARE = "glare"
    """Session: try the postponed re-INVITE again (RFC 3261 section 14.1)."""
    MODIFY_LIMIT = "modify_limit"
    """Session: our re-INVITE got a provisional response and then nothing."""
    ANSWER_LIMIT = "answer_limit"
    """Session: call control has not answered the INVITE."""
    PROGRESS_AGAIN = "progress_again"
    """Session: repeat the provisional response (RFC 3261 section 13.3.1.1)."""
    RESPOND_LIMIT = "respond_limit"
    """Request outside of dialogs: call control has not responded; its owner is the transaction."""
    ASK = "ask"
    """Session: ask the peer, whose audio rests, whether it is still there."""
    ASK_LIMIT = "ask_limit"
    """Session: the peer has not answered that question in time."""
    HOLD_LIMIT = "hold_limit"
    """Session: its audio has rested for as long as it may."""
    EXPIRY = "expiry"
    """Session: no refresh came in time (RFC 4028)."""
    REFRESH = "refresh"
    """Session: it is for us to refresh it (RFC 4028 section 10)."""


class TimerKey(NamedTuple):
    """One armed timer."""

    timer: SipTimer
    """Which."""
    owner: int
    """The number of the transaction, or of the session for the session's timers."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The base values, RFC 3261 section 17.1.1.1 and table 4."""

    t1_s: float = 0.5
    """Estimated round trip."""
    t2_s: float = 4.0
    """Longest retransmission gap of requests other than INVITE and of responses to INVITE."""
    t4_s: float = 5.0
    """How long a message may stay in the network."""
    d_s: float = 32.0
    """Timer D over unreliable transports: at least 32 s."""

    def duration_s(self, timer: SipTimer, is_reliable: bool) -> float | None:
        """How long `timer` runs at first; None when this transport needs none, 0 when it is over at once."""
        match timer:
            case SipTimer.A | SipTimer.E | SipTimer.G:
                return None if is_reliable else self.t1_s
            case SipTimer.D:
                return 0.0 if is_reliable else self.d_s
            case SipTimer.I | SipTimer.K:
                return 0.0 if is_reliable else self.t4_s
            case SipTimer.J:
                return 0.0 if is_reliable else 64 * self.t1_s
            case _:
                return 64 * self.t1_s


SESSION_TIMERS = frozenset(
    (
        SipTimer.ANSWER_AGAIN,
        SipTimer.ACK_WAIT,
        SipTimer.RING_LIMIT,
        SipTimer.CANCEL_WAIT,
        SipTimer.GLARE,
        SipTimer.MODIFY_LIMIT,
        SipTimer.ANSWER_LIMIT,
        SipTimer.PROGRESS_AGAIN,
        SipTimer.ASK,
        SipTimer.ASK_LIMIT,
        SipTimer.HOLD_LIMIT,
        SipTimer.EXPIRY,
        SipTimer.REFRESH,
    )
)
"""The timers whose owner is a session; those of all the others are transactions."""
