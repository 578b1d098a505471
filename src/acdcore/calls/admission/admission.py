"""Admission: who may call or register, decided before the SIP endpoint remembers anything of a request."""

from collections.abc import Iterable

from acdcore.calls.admission.authentication import Access, FromAgent, FromTrunk, NotAdmitted
from acdcore.calls.admission.digest_accounts import DigestAccounts
from acdcore.calls.numbers.caller_id import plain_user
from acdcore.calls.trunks.trunks import Trunk
from acdcore.kernel.buckets import source_of
from acdcore.kernel.bus import EventBus
from acdcore.kernel.lockout import Lockout
from acdcore.kernel.networks import Network
from acdcore.sip.admission import AdmissionRejected, Admitted, Sources
from acdcore.sip.events import SipFlow
from acdcore.sip.peers import Peer, PeerKind
from acdcore.sip.syntax.message import Request

NO_CREDENTIALS = "no credentials"
"""For an INVITE from an unknown address that was not challenged before: most of these never answer the challenge."""


class AdmissionControl:
    """The endpoint's `Admitter`: asks `Access`, and remembers which addresses were right or wrong."""

    def __init__(self, access: Access, sources: Sources, bus: EventBus) -> None:
        self._access = access
        self._bus = bus
        self.sources = sources
        """What each address is to us."""

    @property
    def lockout(self) -> Lockout:
        """Who is banned or held up."""
        return self.sources.lockout

    @property
    def accounts(self) -> DigestAccounts:
        """Which algorithms count for whom."""
        return self._access.accounts

    def use(self, access: Access) -> None:
        """Take new rules for who may call."""
        self._access = access

    def recognise(self, registered: Iterable[tuple[str, SipFlow]], now: float) -> None:
        """Phones that were registered when the last run ended, with their users, were right before."""
        for user, flow in registered:
            self._was_right(flow.remote.host, user, now)

    def admit(self, request: Request, flow: SipFlow, now: float) -> Admitted | AdmissionRejected:
        """As `sip.admission.Admitter.admit`."""
        host = flow.remote.host
        if request.method == "REGISTER":
            admission = self._access.authenticate(request, flow, now)
        else:
            admission = self._access.admit(request, flow, plain_user(request.uri), now)
        match admission:
            case FromAgent(agent):
                self._was_right(host, agent.agent, now)
                return Admitted(Peer(PeerKind.AGENT, agent.agent))
            case FromTrunk() if request.method == "REGISTER":
                return AdmissionRejected(403, reason="a trunk does not register")
            case FromTrunk(trunk, is_proven):
                if is_proven:
                    self._was_right(host, trunk.user, now)
                return Admitted(Peer(PeerKind.TRUNK, trunk.name))
            case NotAdmitted():
                return self._not_admitted(admission, request, host, now)

    def _was_right(self, host: str, user: str, now: float) -> None:
        self.sources.trust(host, now)
        self.lockout.succeeded(source_of(host), user)

    def _not_admitted(self, refusal: NotAdmitted, request: Request, host: str, now: float) -> AdmissionRejected:
        is_known = self.sources.is_shared(host, now)
        if refusal.is_guess:
            banned = self.lockout.failed(source_of(host), refusal.user, now, is_known)
            if banned is not None:
                self._bus.publish(banned)
        reason = refusal.reason
        if not reason and request.method == "INVITE" and not is_known and "Authorization" not in request.headers:
            reason = NO_CREDENTIALS
        return AdmissionRejected(refusal.status, refusal.headers, reason, refusal.user)


def networks_of(trunks: Iterable[Trunk]) -> list[Network]:
    """Addresses from which trunks call and to which we call them."""
    return [network for trunk in trunks for network in trunk.known_networks()]
