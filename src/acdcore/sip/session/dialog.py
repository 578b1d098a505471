"""A dialog (RFC 3261 section 12): what two user agents remember of each other between requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.syntax.uri import MalformedValue, SipUri, Uri
from acdcore.sip.transaction.tables import MAGIC_COOKIE

ROUTES_MAX = 32
"""Proxies in a route set; a longer one would not fit into a datagram."""


class DialogKey(NamedTuple):
    """What an incoming request shows of its dialog. Our tag is unique; the peer's is compared afterwards."""

    call_id: str
    """Call-ID."""
    local_tag: str
    """Our tag, the To tag of the peer's requests."""


class Order(StrEnum):
    """Where a request stands in the peer's sequence (section 12.2.2)."""

    NEXT = "next"
    STALE = "stale"


@dataclass(slots=True, eq=False)
class Dialog:
    """One dialog; addresses are kept as header values so that requests are put together without formatting."""

    call_id: str
    """Call-ID."""
    local: str
    """Our address with our tag: From of our requests."""
    local_tag: str
    """Our tag."""
    remote: str
    """The peer's address with its tag: To of our requests."""
    remote_tag: str
    """The peer's tag; empty for a peer of RFC 2543."""
    remote_target: Uri
    """Where our requests are addressed to: the peer's Contact."""
    routes: tuple[NameAddr, ...]
    """The route set, the next hop first."""
    local_cseq: int
    """CSeq of our latest request."""
    remote_cseq: int
    """CSeq of the peer's latest request; -1 before the first."""

    def order(self, cseq: int) -> Order:
        """Take the CSeq of a request from the peer; STALE ones are to be refused with 500 (section 12.2.2)."""
        if cseq <= self.remote_cseq:
            return Order.STALE
        self.remote_cseq = cseq
        return Order.NEXT

    def refresh(self, message: Request | Response) -> None:
        """Take over the Contact of a target refresh (section 12.2); a message without one changes nothing.

        Raises MalformedValue when the Contact is broken.
        """
        target = _contact_uri(message)
        if target is not None:
            self.remote_target = target

    def move(self, contact: SipUri) -> None:
        """Follow a peer that has registered from another address, without the target refresh that section 12.2 wants.

        The same address under another user or with other parameters changes nothing.
        """
        before = self.remote_target
        if not isinstance(before, SipUri) or (before.host, before.port) != (contact.host, contact.port):
            self.remote_target = contact

    def request(
        self,
        method: str,
        via: str,
        cseq: int | None = None,
        fields: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """A request within the dialog (section 12.2.1.1).

        `via` carries the new branch; `cseq` is given for ACK, which takes the number of its INVITE; otherwise the next
        number is used.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._path()
        headers = [
            ("Via", via),
            ("Max-Forwards", "70"),
            *[("Route", route) for route in routes],
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *fields,
        ]
        return Request(method, uri, Headers(headers), body)

    def _path(self) -> tuple[Uri, list[str]]:
        """Request-URI and Route values: loose routing, or strict when the first proxy wants it (RFC 2543)."""
        routes = self.routes
        if not routes or _is_loose(routes[0].uri):
            return self.remote_target, [str(route) for route in routes]
        return routes[0].uri, [*[str(route) for route in routes[1:]], f"<{self.remote_target}>"]


def dialog_of_uas(request: Request, local_tag: str) -> Dialog:
    """The dialog that our response to `request` makes (section 12.1.1).

    Raises MalformedValue when Contact (which peers of RFC 2543 leave out), Record-Route or an address is missing or
    broken.
    """
    target = _contact_uri(request)
    if target is None and not (request.via.branch or "").startswith(MAGIC_COOKIE):
        target = request.from_.sip_uri  # RFC 2543 sections 6.13 and 6.21: requests go to From without a Contact
    if target is None:
        raise MalformedValue("Contact missing")
    to = request.headers.get("To") or ""
    return Dialog(
        call_id=request.call_id,
        local=to if request.to.tag else f"{to};tag={local_tag}",
        local_tag=local_tag,
        remote=request.headers.get("From") or "",
        remote_tag=request.from_.tag or "",
        remote_target=target,
        routes=_routes(request),
        local_cseq=0,
        remote_cseq=request.cseq.number,
    )


def dialog_of_uac(request: Request, response: Response) -> Dialog:
    """The dialog that `response` to our `request` makes (section 12.1.2).

    A response without a Contact leaves the Request-URI as the target. Raises MalformedValue.
    """
    return Dialog(
        call_id=request.call_id,
        local=request.headers.get("From") or "",
        local_tag=request.from_.tag or "",
        remote=response.headers.get("To") or "",
        remote_tag=response.to.tag or "",
        remote_target=_contact_uri(response) or request.uri,
        routes=tuple(reversed(_routes(response))),
        local_cseq=request.cseq.number,
        remote_cseq=-1,
    )


def _contact_uri(message: Request | Response) -> SipUri | None:
    contact = message.contact
    return None if contact is None else contact.sip_uri


def _routes(message: Request | Response) -> tuple[NameAddr, ...]:
    if "Record-Route" not in message.headers:
        return ()
    routes = message.record_route
    if len(routes) > ROUTES_MAX:
        raise MalformedValue("too many Record-Route values")
    return routes


def _is_loose(uri: Uri) -> bool:
    return isinstance(uri, SipUri) and uri.is_loose
