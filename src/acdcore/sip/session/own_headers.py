"""How we name ourselves on the wire: Via, Contact and the fields that every message of ours repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.events import DialogPath, SipFlow, Transport
from acdcore.sip.transaction.tables import MAGIC_COOKIE, SOURCE_PATH
from acdcore.sip.transaction.timers import Timing

SESSION_METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")
"""What the endpoint itself understands."""
KNOWN_METHODS = frozenset((*SESSION_METHODS, "REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE", "REFER"))
"""Methods that get 405 rather than 501 when they are not served (section 21.5.2)."""
SCHEMES = frozenset({"sip", "tel"})
"""Schemes of a Request-URI that we serve; others get 416 (section 8.2.2.1). `sips` promises TLS on every hop, which we
do not speak: its sender may call again by `sip` (RFC 5630 section 5.1.1)."""
EXTENSIONS = frozenset({"timer"})
"""Option tags that a peer may Require."""
ADDRESSES_MAX = 256
"""Prepared Via and Contact values, one for each local address and transport; a machine has fewer."""


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What the operator decides about the endpoint."""

    user_agent: str = "acdcore"
    """The User-Agent and Server header."""
    contact_user: str = "acdcore"
    """The user part of our Contact."""
    advertised: Mapping[Address, Address] = field(default_factory=dict)
    """Listening address -> the address that peers see (behind NAT), for Via and Contact."""
    surfaced_methods: frozenset[str] = frozenset({"REGISTER"})
    """Requests outside of dialogs that call control answers; the others get 405 or 501."""
    timing: Timing = field(default_factory=Timing)
    """T1, T2, T4."""
    transactions_max: int = 50_000
    """Of peers that were admitted: 100 set-ups a second leave about 7,000 for 32 s; beyond this requests get 503."""
    source_transactions_max: int = 20_000
    """The same for one address: a trunk of 250 set-ups a second, who still leaves room for the others."""
    own_transactions_max: int = 50_000
    """Requests of ours; counted apart, so that agents are rung whatever peers send."""
    sessions_max: int = 5_000
    """150 lines have 300 sessions; beyond this new calls get 503."""
    retry_after_s: int = 5
    """What a 503 tells the peer."""
    path: DialogPath = SOURCE_PATH
    """How requests within a dialog find a peer for which no other path is set."""
    session_expires_min_s: int = 90
    """The smallest session timer that we accept (RFC 4028 section 5), otherwise 422."""


class OwnHeaders:
    """Header values of ours, put together once for each local address."""

    def __init__(self, settings: EndpointSettings, ids: IdSource) -> None:
        self._settings = settings
        self._ids = ids
        self._prepared: dict[tuple[Transport, Address], tuple[str, str]] = {}
        self.server = ("Server", settings.user_agent)
        self.user_agent = ("User-Agent", settings.user_agent)
        self.allow = ("Allow", ", ".join([*SESSION_METHODS, *sorted(settings.surfaced_methods)]))
        self.stateless_tag = ids.token(6)
        """The To tag of replies that leave no transaction behind: the same for each copy (section 8.2.7)."""

    def tag(self) -> str:
        """A new tag (section 19.3)."""
        return self._ids.token(6)

    def via(self, flow: SipFlow) -> str:
        """A Via with a new branch that asks for rport (RFC 3581)."""
        return f"{self._values(flow)[0]}{self._ids.token(9)}"

    def contact(self, flow: SipFlow) -> str:
        """Where the peer reaches us in the dialog."""
        return self._values(flow)[1]

    def address(self, flow: SipFlow) -> Address:
        """Ours, as peers see it."""
        return self._settings.advertised.get(flow.local, flow.local)

    def _values(self, flow: SipFlow) -> tuple[str, str]:
        found = self._prepared.get((flow.transport, flow.local))
        if found is not None:
            return found
        if len(self._prepared) >= ADDRESSES_MAX:
            self._prepared.clear()
        address = self.address(flow)
        transport = "" if flow.transport is Transport.UDP else f";transport={flow.transport.value.lower()}"
        values = (
            f"SIP/2.0/{flow.transport.value} {address};rport;branch={MAGIC_COOKIE}",
            f"<sip:{self._settings.contact_user}@{address}{transport}>",
        )
        self._prepared[flow.transport, flow.local] = values
        return values
