"""Who is let in: what the endpoint asks before it remembers anything of a request out of dialog.

| source    | which                                             | what it may send                          | ban    |
|-----------|---------------------------------------------------|-------------------------------------------|--------|
| trunk     | addresses and targets of configured trunks        | `trunk` and `setups`, each network        | never  |
| phone     | where credentials or a dialog's tags came from    | `phone`, each address                     | never  |
|           | that were right in the last two hours             |                                           |        |
| stranger  | everybody else                                    | `stranger` each, `strangers` all together | yes    |

A trunk's networks are counted each as one source: over UDP anybody may forge its addresses, and must take
no more of the others' time than that one trunk could. Its INVITEs count twice, since each that is admitted costs
as much as ten other messages.

The first `NEWCOMER_MESSAGES` of a stranger come out of `newcomers` instead of `strangers`: a phone that has just been
plugged in gets through while others flood. Whatever is beyond is dropped unread, and never answered: over UDP the
source address may be another's. A stranger is answered once at most, without a transaction (RFC 3261, 26.3.2.4).
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Protocol

from acdcore.kernel.buckets import Bucket, Buckets, Rate, source_of
from acdcore.kernel.lockout import API_KEYS, Lockout, LockoutSettings
from acdcore.kernel.networks import Network
from acdcore.sip.events import DiscardReason, Fields, SipFlow
from acdcore.sip.peers import Peer
from acdcore.sip.syntax.message import Request

KNOWN_MAX = 16_384
"""Addresses of phones remembered at once; the one whose credentials were right longest ago is forgotten first."""
KNOWN_FOR_S = 7_200.0
"""How long right credentials make an address known: twice the longest registration."""
TRUNK_HOSTS_MAX = 4_096
"""Addresses whose membership of a trunk's networks is remembered."""
NEWCOMER_MESSAGES = 16
"""What a phone sends until it is registered: REGISTER twice or thrice, OPTIONS, a repetition of each."""


FLOODING_MAX = 64
"""Sources of a flood that are counted one by one, to be named."""


class SourceClass(StrEnum):
    """What an address is to us."""

    TRUNK = "trunk"
    PHONE = "phone"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Messages a second and at once, all transports together."""

    trunk: Rate = field(default=Rate(2_000.0, 4_000.0))
    """One network of a trunk: 100 set-ups a second are some 700 messages."""
    setups: Rate = field(default=Rate(200.0, 400.0))
    """INVITEs of one network of a trunk: twice what the switch is built for, and a fifth of a core."""
    phone: Rate = field(default=Rate(400.0, 2_000.0))
    """One address of phones: 300 phones behind one NAT come back at once after a power cut."""
    stranger: Rate = field(default=Rate(5.0, 100.0))
    """One other address."""
    strangers: Rate = field(default=Rate(200.0, 400.0))
    """All other addresses together: about a fiftieth of a core."""
    newcomers: Rate = field(default=Rate(200.0, 1_000.0))
    """The first messages of other addresses, all together."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The request is served."""

    peer: Peer | None
    """Who sent it; None when it was not asked."""


@dataclass(frozen=True, slots=True)
class AdmissionRejected:
    """The request is answered once, and nothing of it is remembered."""

    status: int
    """401, 403 and the like."""
    headers: Fields = ()
    """A challenge."""
    reason: str = ""
    """For the log and the counters, never told to the peer; empty for the challenge that every log-in begins with."""
    user: str = ""
    """Whose password was tried; the sender then certainly receives what is sent to his address."""


class Admitter(Protocol):
    """Decides over requests; pure, time is an argument."""

    def admit(self, request: Request, flow: SipFlow, now: float) -> Admitted | AdmissionRejected:
        """Over an INVITE or another request that is not the endpoint's own to answer, without a dialog."""
        ...


class Everybody:
    """Admits everybody: for a phone's user agent, which needs no protection."""

    def admit(self, request: Request, flow: SipFlow, now: float) -> Admitted | AdmissionRejected:
        """As `Admitter.admit`."""
        return Admitted(None)


class Sources:
    """What each address is to us, and how much it may send."""

    def __init__(self, limits: SourceLimits | None = None, lockout: Lockout | None = None) -> None:
        self.lockout = lockout or Lockout(LockoutSettings())
        """Who is banned."""
        self._networks: tuple[Network, ...] = ()
        self._limits = limits or SourceLimits()
        self._trunks = Buckets(self._limits.trunk)
        self._setups = Buckets(self._limits.setups)
        self._phones = Buckets(self._limits.phone)
        self._strangers = Buckets(self._limits.stranger)
        self._common = Bucket(self._limits.strangers, 0.0)
        self._newcomers = Bucket(self._limits.newcomers, 0.0)
        self._heard: OrderedDict[str, int] = OrderedDict()
        self._known: OrderedDict[str, float] = OrderedDict()
        self._network_of: dict[str, str] = {}
        """Of an address, the network of a trunk that it is in; empty: in none."""
        self.flooding: Counter[str] = Counter()
        """Messages dropped by source, of the first `FLOODING_MAX`; for people, who clear it."""

    def use_trunks(self, networks: Iterable[Network]) -> None:
        """The addresses of trunks, in place of those before."""
        self._networks = tuple(networks)
        self._network_of = {}

    def trust(self, host: str, now: float) -> None:
        """Credentials from there were right, a dialog's tags were, or a phone was registered there."""
        self._known.pop(host, None)
        if len(self._known) >= KNOWN_MAX:
            self._known.popitem(last=False)
        self._known[host] = now + KNOWN_FOR_S

    def of(self, host: str, now: float) -> SourceClass:
        """What the address is to us."""
        if self._network(host):
            return SourceClass.TRUNK
        return SourceClass.PHONE if self._known.get(host, now) > now else SourceClass.STRANGER

    def is_known(self, host: str, now: float) -> bool:
        """Whether it is a trunk's or a phone's."""
        return self.of(host, now) is not SourceClass.STRANGER

    def is_shared(self, host: str, now: float) -> bool:
        """Whether a known SIP peer or HTTP client shares the address, so that a ban would hit it too."""
        return self.is_known(host, now) or self.lockout.is_proven(source_of(host), API_KEYS)

    def refuse(self, host: str, now: float, is_invite: bool = False) -> DiscardReason | None:
        """Count one message; why it is to be dropped unread, None when it is to be read."""
        match self.of(host, now):
            case SourceClass.TRUNK:
                network = self._network(host)
                is_taken = self._trunks.take(network, now) and (not is_invite or self._setups.take(network, now))
            case SourceClass.PHONE:
                is_taken = self._phones.take(host, now)
            case _:
                if self.lockout.banned_for_s(source_of(host), now):
                    return DiscardReason.BANNED
                is_taken = self._takes_stranger(source_of(host), now)
        if is_taken:
            return None
        if len(self.flooding) < FLOODING_MAX or host in self.flooding:
            self.flooding[host] += 1
        return DiscardReason.FLOOD

    def _takes_stranger(self, source: str, now: float) -> bool:
        if not self._strangers.take(source, now):
            return False
        heard = self._heard.pop(source, 0) + 1
        if len(self._heard) >= KNOWN_MAX:
            self._heard.popitem(last=False)
        self._heard[source] = heard
        pool = self._newcomers if heard <= NEWCOMER_MESSAGES else self._common
        return pool.take(now)

    def _network(self, host: str) -> str:
        network = self._network_of.get(host)
        return self._find_network(host) if network is None else network

    def _find_network(self, host: str) -> str:
        try:
            address = ip_address(host)
        except ValueError:
            return ""
        if len(self._network_of) >= TRUNK_HOSTS_MAX:
            self._network_of.clear()
        found = next((str(network) for network in self._networks if address in network), "")
        self._network_of[host] = found
        return found
