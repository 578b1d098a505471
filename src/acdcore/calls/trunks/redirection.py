"""What follows when a trunk refuses an outbound call: another trunk, another address of it, or nothing (pure).

| the trunk says | what follows |
|---|---|
| 503, or it cannot be sent to | the next trunk that may dial out, if the rule names none; with Retry-After it rests |
| 300, 301, 302 | the first Contact by `q` that we may follow; at most `REDIRECTS_MAX` in a row, none twice |
| 305 | the same number at the Contact's address |
| 380, 421, 488, 606 and all others | nothing: the status is the outcome |

A Contact is followed within the trunk only: at an address of the trunk's (host and `maddr`, which says where to send
instead, RFC 3261 section 19.1.1), and to the number that was wanted or to a subscriber's of its country. Otherwise
the party that answers for a number could make us call any other number at our cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from acdcore.calls.trunks.trunks import Trunk
from acdcore.kernel.errors import PeerError
from acdcore.sip.events import Transport
from acdcore.sip.syntax.headers import parse_seconds
from acdcore.sip.syntax.message import Response
from acdcore.sip.syntax.uri import SipUri

REDIRECTS_MAX = 3
"""Redirections in a row: more of them are a loop."""
REST_MAX_S = 300.0
"""Longest pause that a trunk may ask for, seconds: hours later no operator would think of a header as the reason."""
MOVED = frozenset({300, 301, 302})
USE_PROXY = 305
OUT_OF_SERVICE = 503


@dataclass(slots=True)
class RestingTrunks:
    """Trunks that asked for a pause by Retry-After (RFC 3261 section 21.5.4)."""

    _until: dict[str, float] = field(default_factory=dict)

    def rest(self, trunk: str, refusal: Response | None, now: float) -> None:
        """Take a 503 of the trunk; without Retry-After there is no pause."""
        asked_s = retry_after_s(refusal)
        if asked_s > 0:
            self._until[trunk] = now + min(asked_s, REST_MAX_S)

    def is_resting(self, trunk: str, now: float) -> bool:
        """Whether the trunk's pause lasts now."""
        return self._until.get(trunk, 0.0) > now


def retry_after_s(refusal: Response | None) -> float:
    """Seconds of a refusal's Retry-After; 0 when it is missing or cannot be read."""
    value = refusal.headers.get("Retry-After") if refusal is not None else None
    try:
        return 0.0 if value is None else float(parse_seconds(value.partition("(")[0].strip()))
    except PeerError:
        return 0.0


def redirect_targets(trunk: Trunk, number: str, status: int, refusal: Response | None) -> Iterator[SipUri]:
    """Where a redirection of a call to `number` (canonical) by `trunk` may lead, most preferred first."""
    if refusal is None or status not in MOVED | {USE_PROXY}:
        return
    try:
        contacts = sorted(refusal.contacts, key=lambda contact: -_preference(contact.param("q")))
    except PeerError:
        return
    for contact in contacts:
        uri = contact.uri
        if not isinstance(uri, SipUri) or not _is_trunks(trunk, uri):
            continue
        if status == USE_PROXY:
            yield replace(uri, user="")
        elif _may_be_called(trunk, number, uri.username):
            yield uri


def _preference(q: str | None) -> float:
    try:
        return 1.0 if q is None else float(q)
    except ValueError:
        return 0.0


def _is_trunks(trunk: Trunk, uri: SipUri) -> bool:
    """Whether the address is one of the trunk's, and we can send to it."""
    transports = {transport.value.lower() for transport in Transport}
    try:
        addresses = [ip_address(host) for host in (uri.host, uri.param("maddr")) if host is not None]
    except ValueError:
        return False  # no DNS look-up during a call
    is_sendable = uri.scheme == "sip" and uri.transport in (None, *transports) and uri.port != 0
    networks = trunk.known_networks()
    return is_sendable and all(any(address in network for network in networks) for address in addresses)


def _may_be_called(trunk: Trunk, number: str, named: str) -> bool:
    canonical = trunk.plan.canonical(named)
    return canonical != "" and (canonical == number or trunk.plan.is_subscriber_at_home(canonical))
