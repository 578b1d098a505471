"""Who may call: trunks by address or credentials, agents by credentials, nobody else."""

from dataclasses import dataclass, field
from math import ceil

from acdcore.calls.admission.digest_accounts import DigestAccounts, DigestPolicy, claimed_user
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.ports import Directory
from acdcore.calls.trunks.trunks import Trunk, Trunks
from acdcore.kernel.buckets import source_of
from acdcore.kernel.ids import AgentId
from acdcore.kernel.lockout import Lockout, LockoutSettings
from acdcore.kernel.networks import is_within
from acdcore.sip.auth.digest import Accounts, Challenge, Denied, DigestServer, RequestToVerify, Verified
from acdcore.sip.auth.digest_values import Algorithm
from acdcore.sip.events import Fields, SipFlow
from acdcore.sip.syntax.message import Request

FEATURE_CODE_START = "*"
"""Numbers that begin so are commands of agents, never of trunks."""


@dataclass(frozen=True, slots=True)
class FromTrunk:
    """A call that comes in by a trunk."""

    trunk: Trunk
    is_proven: bool = field(default=False, compare=False)
    """Whether by credentials, not by the address alone."""


@dataclass(frozen=True, slots=True)
class FromAgent:
    """A call, or a registration, of an agent's phone."""

    agent: AgentRecord


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """Not admitted: a challenge (401), or a refusal."""

    status: int
    headers: Fields = ()
    reason: str = ""
    """For the counters and the log; it is not sent to the peer."""
    user: str = ""
    """The user name in the credentials; empty when there were none."""
    is_guess: bool = False
    """Whether a password was wrong."""


Admission = FromTrunk | FromAgent | NotAdmitted


class _UnlessHeldUp(Accounts):
    """The accounts for one request: none of them while its source has to wait after wrong passwords."""

    def __init__(self, accounts: DigestAccounts, lockout: Lockout, source: str, now: float) -> None:
        self._accounts = accounts
        self._lockout = lockout
        self._source = source
        self._now = now
        self.wait_s = 0.0
        """Seconds for which the source has to wait, for the account that was looked up last."""

    def algorithms(self, user: str) -> tuple[Algorithm, ...]:
        return self._accounts.algorithms(user)

    def ha1(self, user: str, algorithm: Algorithm) -> str | None:
        self.wait_s = self._lockout.wait_s(self._source, user, self._now)
        return None if self.wait_s else self._accounts.ha1(user, algorithm)


class Access:
    """Decides by a request's credentials first, and only then by its source address."""

    def __init__(
        self,
        trunks: Trunks,
        directory: Directory,
        digest: DigestServer,
        policy: DigestPolicy,
        lockout: Lockout | None = None,
    ) -> None:
        self.accounts = DigestAccounts(trunks, directory, policy)
        self._trunks = trunks
        self._directory = directory
        self._digest = digest
        self._lockout = lockout or Lockout(LockoutSettings())

    def admit(self, request: Request, flow: SipFlow, dialled: str, now: float) -> Admission:
        """Who sent this INVITE.

        Credentials for our realm count wherever they come from. Without them a trunk's address is enough for a call to
        a number of ours, unless the call may come from another trunk that has to send credentials. An address is never
        enough for a feature code. Everybody else is challenged, so that no answer shows which users exist.
        """
        is_proving = self._digest.is_addressed(request.headers.get_all("Authorization"))
        if not is_proving and not dialled.startswith(FEATURE_CODE_START):
            trunk = self._trunks.by_address(flow.remote.host)
            if trunk is not None and not self._trunks.is_hidden(trunk, flow.remote, claimed_user(request), dialled):
                return FromTrunk(trunk)
        return self.authenticate(request, flow, now)

    def authenticate(self, request: Request, flow: SipFlow, now: float) -> Admission:
        """The trunk or agent that the credentials of `request` belong to; not checked while this source has to wait."""
        self.accounts.renew(now)
        source = source_of(flow.remote.host)
        asked = RequestToVerify(request.method, str(request.uri), source)
        accounts = _UnlessHeldUp(self.accounts, self._lockout, source, now)
        verdict = self._digest.verify(request.headers.get_all("Authorization"), asked, accounts, now)
        match verdict:
            case Verified(user=user):
                return self._known(user, flow.remote.host)
            case Challenge(stale=is_stale, user=user):
                offered = self.accounts.algorithms(user) if user else self.accounts.offered(request, flow.remote)
                values = self._digest.challenge(now, offered, is_stale, source)
                return NotAdmitted(401, tuple(("WWW-Authenticate", value) for value in values))
            case Denied(user=user) if accounts.wait_s:
                # Not 403: after it softphones never register again. The password may be right, and is tried later.
                retry_after = ("Retry-After", str(ceil(accounts.wait_s)))
                return NotAdmitted(503, (retry_after,), "held up after wrong passwords", user)
            case Denied(reason=reason, user=user):
                return NotAdmitted(403, reason=reason, user=user, is_guess=bool(user))

    def _known(self, user: str, host: str) -> Admission:
        agent = self._directory.agent(AgentId(user))
        if agent is not None and agent.allowed_networks and not is_within(host, agent.allowed_networks):
            return NotAdmitted(403, reason="address is not allowed", user=user)
        if agent is not None:  # an agent's password was right; that proves nothing for a trunk with the same user name
            return FromAgent(agent) if agent.is_active else NotAdmitted(403, reason="inactive agent", user=user)
        trunk = self._trunks.by_user(user)
        return FromTrunk(trunk, True) if trunk is not None else NotAdmitted(403, reason="unknown user", user=user)
