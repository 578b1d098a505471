"""Networks in the text in which people write them: `192.0.2.0/24`, `2001:db8::/32`, or one address."""

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
_SITES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""RFC 1918, RFC 6598 (translators of providers), RFC 4193."""
_PRIVATE = tuple(ip_network(each) for each in _SITES)


class NetworkReach(IntEnum):
    """How far an address means the same. One that a peer names means nothing here when it reaches less far than the
    address that the peer's messages come from: it is that of a machine behind a NAT, or on another machine."""

    MACHINE = 0
    LINK = 1
    SITE = 2
    EVERYWHERE = 3


NETWORKS_MAX = 32
"""Of one agent: sites, a VPN, a home; more is a firewall's work."""


def parse_network(text: str) -> Network:
    """The network that `text` names; raises ValueError that says what is wrong."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f'{error}; write it as "192.0.2.0/24"') from None


def network_text(text: str) -> str:
    """The usual spelling of a network; raises ValueError."""
    return str(parse_network(text))


def network_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """The usual spellings, each once; raises ValueError."""
    found = tuple(dict.fromkeys(network_text(text) for text in texts))
    if len(found) > NETWORKS_MAX:
        raise ValueError(f"{len(found)} networks are more than {NETWORKS_MAX}; write larger ones")
    return found


def reach_of(address: IPv4Address | IPv6Address) -> NetworkReach:
    """How far this address means the same."""
    if address.is_loopback:
        return NetworkReach.MACHINE
    if address.is_link_local:
        return NetworkReach.LINK
    return NetworkReach.SITE if any(address in network for network in _PRIVATE) else NetworkReach.EVERYWHERE


def is_within(host: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of these; an address that is none lies nowhere."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _parsed(networks))


def is_part_of(network: Network, wider: Network) -> bool:
    """Whether every address of one network is in the other."""
    if isinstance(network, IPv4Network):
        return isinstance(wider, IPv4Network) and network.subnet_of(wider)
    return isinstance(wider, IPv6Network) and network.subnet_of(wider)


@lru_cache(maxsize=4_096)
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in networks)
