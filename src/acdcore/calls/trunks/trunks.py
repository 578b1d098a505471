"""Trunks and routes: who may call in, where calls may go out, and which flow a dialled number gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field

from acdcore.calls.media.audio_address import ANYWHERE, AudioRule
from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.calls.numbers.trunk_numbers import TrunkNumbers
from acdcore.kernel.address import Address
from acdcore.kernel.networks import Network
from acdcore.kernel.setting_types import HeadingName, NetworkValue, SipTarget, named
from acdcore.numbering.plan import HOME, NumberingPlan
from acdcore.sip.auth.digest_values import Algorithm, once_each
from acdcore.sip.events import DialogPath, Hop, InDialog, Transport
from acdcore.sip.syntax.headers import DEFAULT_PORT
from acdcore.sip.syntax.uri import MalformedValue, SipUri

AGENTS_TRUNK = "agents"
"""In place of a trunk's name in the records of calls from agents' phones."""
WORK_TRUNK = "work"
"""The same for callbacks and messages, which begin without a caller."""
TRUNK = "[trunk]"
"""Under this, which no file has for a key, a route gets the name of its trunk."""
ANY_NUMBER = "*"
"""The `dialled` of a route for every number without a route of its own on the trunk."""


DigestAlgorithms = Annotated[tuple[Algorithm, ...], AfterValidator(once_each)]
"""In the order in which they are offered."""


@dataclass(frozen=True, slots=True)
class InboundRoute:
    """What answers a number on a trunk: the table `[trunks.NAME.routes]`."""

    trunk: Annotated[str, Field(validation_alias=TRUNK, exclude=True)]
    """The trunk that the call comes in by."""
    dialled: HeadingName
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


@dataclass(frozen=True, slots=True)
class Trunk(TrunkNumbers):
    """The section `[trunks.NAME]`: a peer switch or provider."""

    name: HeadingName
    """Key in the configuration."""
    addresses: tuple[NetworkValue, ...] = ()
    """Source addresses from which it may call without credentials."""
    capacity: Annotated[int, Ge(1), Le(10_000)] = 150
    """Calls at once, in and out together."""
    user: str = ""
    """SIP user for digest in both directions; empty: the peer is known by its address only."""
    password: str = field(default="", repr=False)
    """The password that belongs to `user`."""
    target: SipTarget = ""
    """SIP URI of the peer for outbound calls; empty: none."""
    nat: bool = True
    """Whether a NAT may lie between its audio and us. If not, audio from other addresses is ignored."""
    symmetric_rtp: bool = True
    """Whether it receives audio at the address that it sends from (RFC 4961); otherwise at the address in its SDP."""
    may_dial_out: bool = False
    """Whether outbound calls may use this trunk."""
    ask_every_s: Annotated[float, Ge(0), Le(3_600)] = 30.0
    """Seconds between two OPTIONS to the peer, if `may_dial_out`; 0: never."""
    digest_algorithms: DigestAlgorithms = ()
    """Digest algorithms for `user`, and for our answers to challenges; empty: the realm's, and any."""
    in_dialog: InDialog = InDialog.ROUTE
    """Where our requests within a dialog are sent."""
    media_addresses: tuple[NetworkValue, ...] = ANYWHERE
    """Networks to which audio may be sent if its SDP names them, besides `addresses` and its signalling address."""
    routes: Annotated[Mapping[str, InboundRoute], BeforeValidator(named)] = field(default_factory=dict, hash=False)
    """What answers which number, by the number however the trunk writes it."""

    def __post_init__(self) -> None:
        """Raises ValueError for a trunk that nobody could use as it is."""
        if not self.addresses and not self.user:
            raise ValueError("nobody could use it: give addresses, or user and password")
        if self.digest_algorithms and not self.user:
            raise ValueError("digest_algorithms without user: this trunk proves nothing; give user and password")
        self._check_routes_told_apart()
        if self.user and not self.password:
            raise ValueError("user without password; set it in the environment rather than in the file")
        if self.may_dial_out and not self.target:
            raise ValueError('may_dial_out needs target = "sip:address:port"')
        if self.target and not _has_ip_address(self.target):
            raise ValueError(f"target {self.target} needs an IP address for its host: no name is looked up for a call")
        if self.target and SipUri.parse(self.target).transport not in (None, "udp", "tcp"):
            raise ValueError(f"target {self.target} needs a transport that is spoken here: ;transport=udp or tcp")

    def _check_routes_told_apart(self) -> None:
        seen = dict[str, str]()
        for text in self.routes:
            number = self.plan.canonical(text) or text
            if seen.setdefault(number, text) != text:
                raise ValueError(f"routes {seen[number]} and {text} are for one number; keep one of them")

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
        return any(address in network for network in self.addresses)

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
        return AudioRule((*self.addresses, *self.media_addresses), is_third_party_refused=True)

    def known_networks(self) -> tuple[Network, ...]:
        """Addresses of its messages: its networks, and the host of its target."""
        if not self.target:
            return self.addresses
        return (*self.addresses, ip_network(SipUri.parse(self.target).host))


def trunk_tables(tables: object) -> object:
    """Tables of trunks by their names, each with its name, and each of its routes with that of the trunk."""
    if not isinstance(tables, dict):
        return tables
    return named({name: _with_routes(name, table) for name, table in tables.items()})


def _with_routes(name: str, table: object) -> object:
    """A trunk's table whose routes know their trunk."""
    if not isinstance(table, dict) or not isinstance(table.get("routes"), dict):
        return table
    routes = {
        dialled: {**route, TRUNK: name} if isinstance(route, dict) else route
        for dialled, route in table["routes"].items()
    }
    return {**table, "routes": routes}


def _has_ip_address(uri: str) -> bool:
    try:
        ip_address(SipUri.parse(uri).host)
    except (MalformedValue, ValueError):
        return False
    return True


TrunkTables = Annotated[Mapping[str, Trunk], BeforeValidator(trunk_tables)]
"""All trunks of the settings by their names, in the order of the file."""


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
        is_elsewhere = trunk.did_from is not DidFrom.REQUEST_URI
        return is_elsewhere or self.route(trunk.name, [trunk.plan.canonical(dialled) or dialled]) is not None

    def by_user(self, user: str) -> Trunk | None:
        """The trunk that authenticates as `user`."""
        return self._by_user.get(user)

    def plan(self, trunk: str) -> NumberingPlan:
        """How numbers on `trunk` are read; without such a trunk as in the own country."""
        known = self._by_name.get(trunk)
        return HOME if known is None else known.plan

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
        is_shown = any(number == trunk.caller_id for trunk in self.trunks)
        return is_shown or any((trunk.name, number) in self._routes for trunk in self.trunks)

    def outbound_trunks(self, name: str = "") -> tuple[Trunk, ...]:
        """The trunks that may dial out, in the order of the settings; with a name only that one."""
        return tuple(each for each in self.trunks if each.may_dial_out and each.target and name in ("", each.name))

    def outbound_trunk(self, name: str = "") -> Trunk | None:
        """The trunk of that name, or the first one, if it may dial out."""
        return next(iter(self.outbound_trunks(name)), None)
