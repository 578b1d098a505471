"""Session timers as the callee sees them (RFC 4028): accepted when the caller refreshes, otherwise left out."""

from acdcore.kernel.errors import PeerError
from acdcore.sip.events import Fields
from acdcore.sip.headers import parse_params, parse_seconds
from acdcore.sip.message import Request, Response
from acdcore.sip.uri import MalformedValue


class IntervalTooSmall(PeerError):
    """The session interval asked for is below our minimum (RFC 4028 section 9)."""

    sip_status = 422


def asked_interval_s(request: Request, smallest_s: int) -> int:
    """The session interval that we grant to an INVITE or UPDATE, 0 for none.

    We do not refresh, hence a caller that wants the callee to do it, or does not know the extension itself, gets a
    session without a timer, which section 9 leaves to the callee. Raises IntervalTooSmall and MalformedValue.
    """
    value = request.headers.get("Session-Expires")
    if value is None or "timer" not in request.tokens("Supported") + request.tokens("Require"):
        return 0
    interval_s = parse_seconds(value)
    if interval_s < smallest_s:
        raise IntervalTooSmall(f"session interval below {smallest_s} s")
    return 0 if _refresher(value) == "uas" else interval_s


def granted_interval_s(response: Response) -> int:
    """The interval that the callee put into a 2xx and refreshes itself; 0 for none, or for one that makes no sense."""
    value = response.headers.get("Session-Expires")
    try:
        return parse_seconds(value) if value is not None and _refresher(value) == "uas" else 0
    except MalformedValue:
        return 0


def least_interval_s(response: Response) -> int:
    """What a 422 asks for; 0 when it says nothing that makes sense."""
    value = response.headers.get("Min-SE")
    try:
        return parse_seconds(value.partition(";")[0]) if value is not None else 0
    except MalformedValue:
        return 0


def patience_s(interval_s: int) -> float:
    """When the side that does not refresh gives up: a third of the interval, at most 32 s, early (section 10)."""
    return interval_s - min(32.0, interval_s / 3)


def timer_fields(interval_s: int) -> Fields:
    """What a 2xx says when the caller is to refresh the session (section 9)."""
    return (("Require", "timer"), ("Session-Expires", f"{interval_s};refresher=uac"))


def refresh_fields(interval_s: int) -> Fields:
    """What a re-INVITE of ours says so that the peer goes on refreshing; without it the timer would end (section 9)."""
    return (("Supported", "timer"), ("Session-Expires", f"{interval_s};refresher=uas")) if interval_s else ()


def _refresher(value: str) -> str:
    _, semicolon, params = value.partition(";")
    return next((text or "" for name, text in parse_params(semicolon + params) if name == "refresher"), "").lower()
