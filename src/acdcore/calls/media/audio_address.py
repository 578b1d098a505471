"""Where our audio may go: a peer's session description against the source address of its signalling (pure).

The first row that fits counts. "Named" is the address in the c= line; "source" is the one that the peer's INVITE,
answer or re-INVITE came from. The port is that of the m= line in any case.

| named | a trunk | an agent's phone |
|---|---|---|
| 0.0.0.0, :: | nothing is sent: hold (RFC 3264 section 8.4) | the same |
| an address of ours, a port of ours | refused | refused |
| an address of ours, signalled from elsewhere | refused | the source: it asked STUN behind a NAT that we share |
| no address: a host name, no c= line | the source | the source |
| the source | as named | as named |
| within `addresses`, `media_addresses`, `phone_addresses` with a prefix | as named | as named |
| narrower than the source: private from public (NAT), loopback or link-local from elsewhere | the source | the source |
| anything else, a third party | as named where `media_addresses` has 0.0.0.0/0, else refused | the source |

The engine's latch then follows the peer's own packets (RFC 4961), wherever the audio was sent first. So a peer behind
NAT is heard and served, but nobody can have us send audio to a machine that has not sent us any. "Refused" means 488
with a Warning for an offer, and the end of the call for an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Annotated

from annotated_types import Ge, Le

from acdcore.kernel.address import Address
from acdcore.kernel.networks import Network, reach_of
from acdcore.kernel.setting_types import NetworkValue, never_or_from
from acdcore.sdp.model import NotAcceptable, WarningCode
from acdcore.sdp.parser import address_literal

ANYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""For a trunk whose media gateways have addresses of their own, as those of most carriers have."""
UNSPECIFIED = "0.0.0.0"
SUSPECTED_SHARE = 1 / 3
"""Share of `lost_after_s` after which the party is asked by OPTIONS. RTCP comes about every 5 s (RFC 3550 section 6.2),
so that a muted phone with RTCP is never asked; the rest of 30 s is for eight copies of the OPTIONS."""
ASKED_EVERY_S = 30.0
"""A party that is on hold, or does not send, is asked so often whether it is still there: a dead one is found after
this and `answer_within_s`."""
LOST_AFTER_MIN_S = 5
"""A question and its answer need three seconds even over a bad network."""
ANSWER_MAX_S = 32.0
"""Seconds, 64 x T1: the OPTIONS transaction waits no longer (RFC 3261 section 17.1.2.2)."""


@dataclass(frozen=True, slots=True)
class AudioRule:
    """Which addresses a peer may name besides the one that it signals from."""

    networks: tuple[Network, ...] = ()
    is_third_party_refused: bool = False
    """Whether the call is refused for another address; otherwise audio is sent to the source."""


PHONES = AudioRule()
"""The rule for agents' phones, which have their audio behind NAT or at their signalling address."""


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """What holds for the audio of every party: keys of the section `[media]`."""

    lost_after_s: Annotated[float, Ge(0), Le(3600), never_or_from(LOST_AFTER_MIN_S)] = 30.0
    """A party that ought to send is gone when there is no sign of life of it for so long: neither audio nor anything
    else on its ports, nor an answer to our question; 0: silence means nothing."""
    silent_max_s: Annotated[float, Ge(0), Le(86_400)] = 14_400.0
    """A party that ought to send, sends nothing and answers our questions is hung up on after so long; 0: never."""
    phones_nat: bool = True
    """Whether agents' phones may be behind a NAT."""
    held_max_s: Annotated[float, Ge(60), Le(86_400)] = 14_400.0
    """The longest hold: no consultation takes four hours."""
    unheard_max_s: Annotated[float, Ge(30), Le(3600)] = 180.0
    """A party that has never sent anything and says that it will not; another switch that connects both later has the
    time that ringing takes (RFC 3725)."""
    phone_addresses: tuple[NetworkValue, ...] = ()
    """Networks in which agents' phones may have their audio besides the address that they signal from."""

    @property
    def phones(self) -> AudioRule:
        """Where agents' phones may have their audio."""
        return AudioRule(self.phone_addresses)

    @property
    def suspected_after_s(self) -> float | None:
        """Seconds without a sign of life after which a party is asked; None: it is not asked for that reason."""
        if not self.lost_after_s:
            return None
        return max(self.lost_after_s * SUSPECTED_SHARE, self.lost_after_s - ANSWER_MAX_S)

    @property
    def answer_within_s(self) -> float:
        """How long the answer to our OPTIONS may take, seconds."""
        return self.lost_after_s - (self.suspected_after_s or 0.0) if self.lost_after_s else ANSWER_MAX_S


@dataclass(frozen=True, slots=True)
class Ours:
    """Our own addresses and ports."""

    hosts: frozenset[str]
    is_port: Callable[[int], bool]
    """Whether a port is one of ours."""


def aimed(named: Address, source: str, rule: AudioRule, ours: Ours) -> Address:
    """The address to which audio for this peer is sent first; raises NotAcceptable by the table above."""
    host = named.host
    if host and address_literal(host).is_unspecified:
        return Address(UNSPECIFIED, named.port)
    is_ours_elsewhere = host in ours.hosts and source not in ours.hosts
    if host in ours.hosts and (ours.is_port(named.port) or (is_ours_elsewhere and rule.is_third_party_refused)):
        raise NotAcceptable(f"{named} is an address of this server", WarningCode.MISCELLANEOUS)
    if host and not is_ours_elsewhere and (host == source or _is_allowed(address_literal(host), source, rule)):
        return named
    if ours.hosts and all((":" in source) != (":" in each) for each in ours.hosts):
        raise NotAcceptable(f"no audio address that can be reached from {source}", WarningCode.ADDRESS_FORMAT)
    return Address(source, named.port)


def _is_allowed(host: IPv4Address | IPv6Address, source: str, rule: AudioRule) -> bool:
    """True: audio goes to the address named; False: to the source. NotAcceptable for a forbidden third party."""
    fitting = [network for network in rule.networks if host in network]
    if any(network.prefixlen for network in fitting):
        return True
    if reach_of(host) < reach_of(address_literal(source)):
        return False
    if not fitting and rule.is_third_party_refused:
        problem = f"audio may not go to {host}, which is neither the trunk's nor where it signals from"
        raise NotAcceptable(problem, WarningCode.MISCELLANEOUS)
    return bool(fitting)
