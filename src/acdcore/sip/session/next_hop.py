"""Where a request within a dialog is sent (RFC 3261 sections 12.2.1.1 and 13.2.2.4, RFC 3263 without DNS); pure.

The first rule that gives an address decides. "Next URI" is the first Route, else the Contact.

1. The path follows the route, and the next URI names an address that can be right: there; over TCP on the connection
   that is open, when it leads to the same host.
2. The dialog came by UDP, or by a connection that is open: back that way.
3. The connection is closed, and the peer has an address in the settings: a connection to it.
4. The connection is closed, and the next URI names the host that it led to, so that no NAT lies between: a connection
   to what the URI names.
5. Else a connection to where the closed one led to, which works for one that was opened by us.

An address can be right when it is written as one (a host name is not looked up: nothing on a call's path waits for
DNS), when we speak its transport and family, and when the peer's packets could come from it: a private address behind
a public source is that of a machine behind NAT, and loopback is another machine's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from acdcore.kernel.address import Address
from acdcore.kernel.networks import reach_of
from acdcore.sip.events import DialogPath, Hop, InDialog, SipFlow, Transport
from acdcore.sip.session.dialog import Dialog
from acdcore.sip.syntax.headers import DEFAULT_PORT
from acdcore.sip.syntax.uri import SipUri, Uri

_WILDCARDS = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class ListeningAddresses:
    """Our own addresses."""

    addresses: Mapping[Transport, tuple[Address, ...]] = field(default_factory=dict)
    """As they are bound."""

    def local_for(self, hop: Hop, flow: SipFlow) -> Address | None:
        """The address of ours that requests to `hop` come from, near that of `flow`; None when we have none."""
        is_ipv6 = ":" in hop.address.host
        if hop.transport is flow.transport and (":" in flow.local.host) == is_ipv6:
            return flow.local
        for address in self.addresses.get(hop.transport, ()):
            if (":" in address.host) != is_ipv6:
                continue
            if address.host not in _WILDCARDS:
                return address
            if (":" in flow.local.host) == is_ipv6:
                return Address(flow.local.host, address.port)
        return None


def next_hop(dialog: Dialog, flow: SipFlow, path: DialogPath, listening: ListeningAddresses) -> SipFlow:
    """The way of the next request, or of the ACK of a 2xx; `flow` is the way by which the dialog came."""
    hop = hop_of(dialog.routes[0].uri if dialog.routes else dialog.remote_target, flow)
    if path.follows is InDialog.ROUTE and hop is not None and (hop_flow := _flow_to(hop, flow, listening)) is not None:
        return hop_flow
    if flow.transport is not Transport.TCP or flow.connection:
        return flow
    if path.home is not None and (hop_flow := _flow_to(path.home, flow, listening)) is not None:
        return hop_flow
    if hop is not None and hop.address.host == flow.remote.host:
        return _flow_to(hop, flow, listening) or flow
    return flow


def hop_of(uri: Uri, flow: SipFlow) -> Hop | None:
    """The address that a Route or Contact names; None when it cannot be right.

    Without `transport` it is the dialog's: RFC 3263 section 4.1 says UDP, but a peer that came by TCP listens there.
    """
    if not isinstance(uri, SipUri) or uri.scheme != "sip":
        return None
    transport = _transport(uri.transport, flow.transport)
    host = uri.param("maddr") or uri.host
    try:
        there, source = ip_address(host), ip_address(flow.remote.host)
    except ValueError:
        return None
    port = DEFAULT_PORT if uri.port is None else uri.port
    if transport is None or port == 0 or not _may_be_at(there, source):
        return None
    return Hop(transport, Address(str(there), port))


def _transport(named: str | None, usual: Transport) -> Transport | None:
    if named is None:
        return usual
    return next((transport for transport in Transport if transport.value.lower() == named), None)


def _may_be_at(there: IPv4Address | IPv6Address, source: IPv4Address | IPv6Address) -> bool:
    if there.is_unspecified or there.is_multicast:
        return False
    return reach_of(there) >= reach_of(source)


def _flow_to(hop: Hop, flow: SipFlow, listening: ListeningAddresses) -> SipFlow | None:
    is_there = hop.transport is flow.transport and hop.address.host == flow.remote.host
    if is_there and flow.connection:
        return flow
    if is_there:
        return replace(flow, remote=hop.address)
    local = listening.local_for(hop, flow)
    return None if local is None else SipFlow(hop.transport, local, hop.address)
