"""Who may call: trunks by address or credentials, agents by credentials, nobody else."""

from dataclasses import dataclass

from acdcore.calls.people import AgentRecord
from acdcore.calls.ports import Directory
from acdcore.calls.trunks import Trunk, Trunks
from acdcore.kernel.buckets import source_of
from acdcore.kernel.ids import AgentId
from acdcore.kernel.lockout import Lockout, LockoutSettings
from acdcore.sip.digest import Challenge, Denied, DigestServer, Verified, ha1
from acdcore.sip.events import Fields, Flow
from acdcore.sip.message import Request

FEATURE_CODE_START = "*"
"""Numbers that begin so are commands of agents, never of trunks."""


@dataclass(frozen=True, slots=True)
class FromTrunk:
    """A call of the public."""

    trunk: Trunk


@dataclass(frozen=True, slots=True)
class FromAgent:
    """A call, or a registration, of an agent's phone."""

    agent: AgentRecord


@dataclass(frozen=True, slots=True)
class Turned:
    """Not admitted: a challenge (401), or a refusal."""

    status: int
    headers: Fields = ()
    reason: str = ""
    """For the counters and the log; the peer is not told."""
    user: str = ""
    """Under which name it was tried, where one was."""
    is_guess: bool = False
    """Whether a password was wrong."""


Admission = FromTrunk | FromAgent | Turned


class Access:
    """Decides by what a request proves, and only then by where it came from."""

    def __init__(
        self, trunks: Trunks, directory: Directory, digest: DigestServer, realm: str, lockout: Lockout | None = None
    ) -> None:
        self._trunks = trunks
        self._directory = directory
        self._digest = digest
        self._lockout = lockout or Lockout(LockoutSettings())
        self._trunk_ha1 = {
            (trunk.user, algorithm): ha1(trunk.user, realm, trunk.password, algorithm)
            for trunk in trunks.trunks
            if trunk.user
            for algorithm in ("MD5", "SHA-256")
        }

    def admit(self, request: Request, flow: Flow, dialled: str, now: float) -> Admission:
        """Who sent this INVITE.

        Credentials count wherever they come from. Without them a trunk's address is enough for a call to a line, but
        never for a feature code; everybody else is challenged, so that nothing tells which users exist.
        """
        if not request.headers.get_all("Authorization") and not dialled.startswith(FEATURE_CODE_START):
            trunk = self._trunks.by_address(flow.remote.host)
            if trunk is not None:
                return FromTrunk(trunk)
        return self.authenticate(request, flow, now)

    def authenticate(self, request: Request, flow: Flow, now: float) -> Admission:
        """Who the credentials of `request` belong to; tried only when this source need not wait."""
        values = request.headers.get_all("Authorization")
        source = source_of(flow.remote.host)
        waits: list[float] = []

        def find_ha1(user: str, algorithm: str) -> str | None:
            waits.append(self._lockout.wait_s(source, user, now))
            return None if waits[-1] else self._find_ha1(user, algorithm)

        verdict = self._digest.verify(values, request.method, str(request.uri), find_ha1, now, source)
        match verdict:
            case Verified(user=user):
                return self._known(user)
            case Challenge(stale=is_stale):
                values = self._digest.challenge(now, is_stale, source)
                return Turned(401, tuple(("WWW-Authenticate", value) for value in values))
            case Denied(user=user) if any(waits):
                return Turned(403, reason="held up after wrong passwords", user=user)
            case Denied(reason=reason, user=user):
                return Turned(403, reason=reason, user=user, is_guess=bool(user))

    def _known(self, user: str) -> Admission:
        agent = self._directory.agent(AgentId(user))
        if agent is not None:  # whose password it was that was right: a trunk of the same name proved nothing
            return FromAgent(agent) if agent.is_active else Turned(403, reason="inactive agent", user=user)
        trunk = self._trunks.by_user(user)
        return FromTrunk(trunk) if trunk is not None else Turned(403, reason="unknown user", user=user)

    def _find_ha1(self, user: str, algorithm: str) -> str | None:
        agent = self._directory.agent(AgentId(user))
        if agent is not None:
            return (agent.ha1_sha256 if algorithm == "SHA-256" else agent.ha1_md5) or None
        return self._trunk_ha1.get((user, algorithm))
