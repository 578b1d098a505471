"""Trunks and routes: who may call in, where calls may go out, and which flow a dialled number gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from acdcore.calls.media.audio_address import ANYWHERE, AudioRule
from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.calls.numbers.trunk_numbers import TrunkNumbers
from acdcore.kernel.address import Address
from acdcore.kernel.networks import Network
from acdcore.numbering.plan import HOME, NumberingPlan
from acdcore.sip.auth.digest_values import Algorithm
from acdcore.sip.events import DialogPath, Hop, InDialog, Transport
from acdcore.sip.syntax.headers import DEFAULT_PORT
from acdcore.sip.syntax.uri import SipUri

AGENTS_TRUNK = "agents"
"""In place of a trunk's name in the records of calls from agents' phones."""
WORK_TRUNK = "work"
"""The same for callbacks and messages, which begin without a caller."""
ANY_NUMBER = "*"
"""The `dialled` of a route for every number without a route of its own on the trunk."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A peer switch or provider."""

    name: str
    """Key in the configuration."""
    networks: tuple[Network, ...]
    """Source addresses from which it may call without credentials."""
    capacity: int
    """Calls at once, in and out together."""
    user: str = ""
    """SIP user for digest in both directions; empty: the peer is known by its address only."""
    password: str = field(default="", repr=False)
    """The password that belongs to `user`."""
    target: str = ""
    """SIP URI of the peer for outbound calls; empty: none."""
    nat: bool = True
    """Whether a NAT may lie between its audio and us. If not, audio from other addresses is ignored."""
    symmetric_rtp: bool = True
    """Whether it receives audio at the address that it sends from (RFC 4961); otherwise at the address in its SDP."""
    may_dial_out: bool = False
    """Whether outbound calls may use this trunk."""
    ask_every_s: float = 30.0
    """Seconds between two OPTIONS to the peer, if `may_dial_out`; 0: never."""
    digest_algorithms: tuple[Algorithm, ...] = ()
    """Digest algorithms for `user`, and for our answers to challenges; empty: the realm's, and any."""
    in_dialog: InDialog = InDialog.ROUTE
    """Where our requests within a dialog are sent."""
    numbers: TrunkNumbers = field(default_factory=TrunkNumbers)
    """How it writes numbers, and which number of ours is shown on it."""
    media_addresses: tuple[Network, ...] = ANYWHERE
    """Networks to which audio may be sent if its SDP names them, besides `networks` and its signalling address."""

    @property
    def target_address(self) -> Address | None:
        """Host and port of `target`; None without one."""
        if not self.target:
            return None
        uri = SipUri.parse(self.target)
        return Address(uri.host, uri.port or DEFAULT_PORT)

    def trusts(self, host: str) -> bool:
        """Whether an address is enough for a call from `host`."""
        address = ip_address(host)
        return any(address in network for network in self.networks)

    @property
    def home(self) -> Hop | None:
        """Transport and address for a connection to the peer; None without a target."""
        address = self.target_address
        if address is None:
            return None
        is_tcp = SipUri.parse(self.target).transport == "tcp"
        return Hop(Transport.TCP if is_tcp else Transport.UDP, address)

    @property
    def path(self) -> DialogPath:
        """The path of our requests within its dialogs."""
        return DialogPath(self.in_dialog, self.home)

    @property
    def audio(self) -> AudioRule:
        """Which addresses its session descriptions may name."""
        return AudioRule((*self.networks, *self.media_addresses), is_third_party_refused=True)

    def known_networks(self) -> tuple[Network, ...]:
        """Addresses of its messages: its networks, and the host of its target."""
        if not self.target:
            return self.networks
        return (*self.networks, ip_network(SipUri.parse(self.target).host))


@dataclass(frozen=True, slots=True)
class InboundRoute:
    """Which flow answers a number on a trunk."""

    trunk: str
    """The trunk that the call comes in by."""
    dialled: str
    """The number in any spelling, or `*`."""
    flow: str
    """The flow while the calendar is open, or without a calendar."""
    calendar: str = ""
    """Name of the calendar; empty: always open."""
    closed_flow: str = ""
    """The flow outside of the calendar's hours; required with a calendar."""
    holiday_flow: str = ""
    """The flow on holidays; empty: that for closed hours."""
    flows: Mapping[str, str] = field(default_factory=dict)
    """Flows of shifts, special days and single holidays, by their names in the calendar."""


class Trunks:
    """All trunks and routes, looked up in memory."""

    def __init__(self, trunks: Sequence[Trunk], routes: Sequence[InboundRoute]) -> None:
        self.trunks = tuple(trunks)
        self._by_name = {trunk.name: trunk for trunk in trunks}
        self._by_user = {trunk.user: trunk for trunk in trunks if trunk.user}
        self._routes = {
            (route.trunk, self.plan(route.trunk).canonical(route.dialled) or route.dialled): route for route in routes
        }

    def __getitem__(self, name: str) -> Trunk:
        return self._by_name[name]

    def by_address(self, host: str) -> Trunk | None:
        """The first trunk, in the order of the settings, whose networks contain `host`."""
        return next((trunk for trunk in self.trunks if trunk.trusts(host)), None)

    def proving_at(self, remote: Address) -> Trunk | None:
        """The trunk with credentials whose target is at this address, or else at this host."""
        targets = {trunk: trunk.target_address for trunk in self.trunks if trunk.user and trunk.target}
        exact = next((trunk for trunk, target in targets.items() if target == remote), None)
        return exact or next(
            (trunk for trunk, target in targets.items() if target and target.host == remote.host), None
        )

    def is_hidden(self, trusted: Trunk, remote: Address, from_user: str, dialled: str) -> bool:
        """Whether a call that `trusted` may place by its address may be another trunk's, which has to authenticate.

        It may be if the other trunk has a route for this number, and one of these is true: the From names it, the call
        comes from its target, or `trusted` has no route for the number.
        """
        others = [trunk for trunk in self.trunks if trunk.user and trunk != trusted and self._takes(trunk, dialled)]
        if any(trunk.trusts(remote.host) for trunk in others):
            return False
        is_without = not self._takes(trusted, dialled)
        return any(is_without or trunk.user == from_user or trunk.target_address == remote for trunk in others)

    def _takes(self, trunk: Trunk, dialled: str) -> bool:
        """Whether it has a route for the number; always true for a trunk whose DID is not in the Request-URI."""
        is_elsewhere = trunk.numbers.did_from is not DidFrom.REQUEST_URI
        return is_elsewhere or self.route(trunk.name, [trunk.numbers.plan.canonical(dialled) or dialled]) is not None

    def by_user(self, user: str) -> Trunk | None:
        """The trunk that authenticates as `user`."""
        return self._by_user.get(user)

    def plan(self, trunk: str) -> NumberingPlan:
        """How numbers on `trunk` are read; without such a trunk as in the own country."""
        known = self._by_name.get(trunk)
        return HOME if known is None else known.numbers.plan

    def route(self, trunk: str, dialled: Sequence[str]) -> tuple[str, InboundRoute] | None:
        """The first of the numbers that has a route on `trunk`, with this route; the first number if only `*` fits."""
        for number in dialled:
            route = self._routes.get((trunk, number))
            if route is not None:
                return number, route
        route = self._routes.get((trunk, ANY_NUMBER))
        return None if route is None else (dialled[0], route)

    def is_ours(self, number: str) -> bool:
        """Whether a canonical number is ours: it has a route, or a trunk shows it."""
        is_shown = any(number == trunk.numbers.caller_id for trunk in self.trunks)
        return is_shown or any((trunk.name, number) in self._routes for trunk in self.trunks)

    def outbound_trunks(self, name: str = "") -> tuple[Trunk, ...]:
        """The trunks that may dial out, in the order of the settings; with a name only that one."""
        return tuple(each for each in self.trunks if each.may_dial_out and each.target and name in ("", each.name))

    def outbound_trunk(self, name: str = "") -> Trunk | None:
        """The trunk of that name, or the first one, if it may dial out."""
        return next(iter(self.outbound_trunks(name)), None)
