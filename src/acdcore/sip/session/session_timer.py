"""Session timers (RFC 4028): who refreshes the session, how often, and what is said of it."""

from typing import NamedTuple

from acdcore.kernel.errors import PeerError
from acdcore.sip.events import Fields
from acdcore.sip.syntax.headers import parse_params, parse_seconds
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.uri import MalformedValue


class IntervalTooSmall(PeerError):
    """The session interval asked for is below our minimum (RFC 4028 section 9)."""

    sip_status = 422


class SessionInterval(NamedTuple):
    """A session timer."""

    interval_s: int = 0
    """How long the session lasts without a refresh; 0: there is no timer."""
    is_ours: bool = False
    """Whether we refresh it; else the peer does."""


NO_TIMER = SessionInterval()
LEAST_S = 90
"""Section 5: no session timer is shorter."""
OURS_LEAST_S = 20
"""A refresh each 10 s: more often would be a flood."""


def asked_interval(request: Request, smallest_s: int) -> SessionInterval:
    """The session timer that we grant to an INVITE or UPDATE (section 9, table 2).

    The caller refreshes unless it asks us to. A caller that does not know the extension gets a session without a timer,
    which section 9 leaves to the UAS. Raises IntervalTooSmall and MalformedValue.
    """
    value = request.headers.get("Session-Expires")
    if value is None or "timer" not in request.tokens("Supported") + request.tokens("Require"):
        return NO_TIMER
    interval_s = parse_seconds(value)
    if interval_s < smallest_s:
        raise IntervalTooSmall(f"session interval below {smallest_s} s")
    return SessionInterval(interval_s, _refresher(value) == "uas")


def granted_interval(response: Response) -> SessionInterval:
    """The session timer that a 2xx to a request of ours sets; none where it says nothing that makes sense.

    Nobody may set less than LEAST_S (section 5). A peer that does all the same is refreshed as often as it wants, down
    to OURS_LEAST_S, and has LEAST_S where it refreshes itself.
    """
    value = response.headers.get("Session-Expires")
    try:
        if value is None or (refresher := _refresher(value)) not in ("uas", "uac"):
            return NO_TIMER
        interval_s, is_ours = parse_seconds(value), refresher == "uac"
        return SessionInterval(max(interval_s, OURS_LEAST_S if is_ours else LEAST_S) if interval_s else 0, is_ours)
    except MalformedValue:
        return NO_TIMER


def least_interval_s(response: Response) -> int:
    """What a 422 asks for; 0 when it says nothing that makes sense."""
    value = response.headers.get("Min-SE")
    try:
        return parse_seconds(value.partition(";")[0]) if value is not None else 0
    except MalformedValue:
        return 0


def expires_after_s(interval_s: int) -> float:
    """When the side that does not refresh gives up: a third of the interval, at most 32 s, early (section 10)."""
    return interval_s - min(32.0, interval_s / 3)


def timer_fields(timer: SessionInterval) -> Fields:
    """What a 2xx says of the timer (section 9): the caller must know it when it is to refresh."""
    if not timer.interval_s:
        return ()
    if timer.is_ours:
        return (("Supported", "timer"), ("Session-Expires", f"{timer.interval_s};refresher=uas"))
    return (("Require", "timer"), ("Session-Expires", f"{timer.interval_s};refresher=uac"))


def refresh_fields(timer: SessionInterval) -> Fields:
    """What a re-INVITE or UPDATE of ours says so that the timer goes on; without it it would end (section 9)."""
    refresher = "uac" if timer.is_ours else "uas"
    fields = (("Supported", "timer"), ("Session-Expires", f"{timer.interval_s};refresher={refresher}"))
    return fields if timer.interval_s else ()


def _refresher(value: str) -> str:
    _, semicolon, params = value.partition(";")
    return next((text or "" for name, text in parse_params(semicolon + params) if name == "refresher"), "").lower()
