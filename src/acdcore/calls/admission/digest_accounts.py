"""Which digest algorithms count for whom, and the secrets of agents and trunks.

A realm has its algorithms; an agent and a trunk may have their own. The first challenge is sent before the peer has
proven anything, so it must not show which users exist:

- A peer at a trunk's address gets that trunk's algorithms. A request that names a trunk's user or an agent gets the
  algorithms of that user.
- Names that do not exist get such settings too, in the same proportion as the agents have them. A key that outlives
  restarts fixes which name gets which, so that the challenge never shows whether a name exists.
"""

import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass

from acdcore.calls.model.ports import Directory
from acdcore.calls.trunks.trunks import Trunks
from acdcore.kernel.address import Address
from acdcore.kernel.ids import AgentId
from acdcore.sip.auth.digest_values import ALGORITHMS, DEFAULT_ALGORITHMS, Algorithm, digest_ha1
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.uri import MalformedValue

SHARES_RENEWED_S = 60.0
"""Seconds between two counts of the agents that have a setting of their own: each passes over 1,300 records."""


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    """The realm and its setting."""

    realm: str
    """Part of every secret."""
    algorithms: tuple[Algorithm, ...] = DEFAULT_ALGORITHMS
    """What is offered, in this order, to everybody without a setting of their own."""
    decoy_key: bytes = b""
    """Key that chooses the algorithms of names that do not exist; secret, and the same after a restart."""


class DigestAccounts:
    """Implements `Accounts` over the trunks and the agents in memory."""

    def __init__(self, trunks: Trunks, directory: Directory, policy: DigestPolicy) -> None:
        self.policy = policy
        self._trunks = trunks
        self._directory = directory
        self._trunk_ha1 = {
            (trunk.user, algorithm): digest_ha1(trunk.user, policy.realm, trunk.password, algorithm)
            for trunk in trunks.trunks
            if trunk.user
            for algorithm in ALGORITHMS
        }
        self._shares: list[tuple[tuple[Algorithm, ...], float]] = []  # each with the upper end of its share of 0..1
        self._renew_at = float("-inf")

    def renew(self, now: float) -> None:
        """Count the agents' own settings again when the last count is too old."""
        if now < self._renew_at:
            return
        self._renew_at = now + SHARES_RENEWED_S
        agents = self._directory.agents()
        counts = Counter(agent.digest_algorithms for agent in agents if agent.digest_algorithms)
        self._shares, reached = [], 0
        for algorithms, count in sorted(counts.items()):
            reached += count
            self._shares.append((algorithms, reached / len(agents)))

    def algorithms(self, user: str) -> tuple[Algorithm, ...]:
        """The algorithms for `user`, who need not exist."""
        agent = self._directory.agent(AgentId(user))
        if agent is not None:
            return agent.digest_algorithms or self.policy.algorithms
        trunk = self._trunks.by_user(user)
        if trunk is not None:
            return trunk.digest_algorithms or self.policy.algorithms
        return self._decoy(user) if self._shares else self.policy.algorithms

    def ha1(self, user: str, algorithm: Algorithm) -> str | None:
        """The secret of an agent, or of a trunk."""
        agent = self._directory.agent(AgentId(user))
        if agent is not None:
            return (agent.ha1_sha256 if algorithm == "SHA-256" else agent.ha1_md5) or None
        return self._trunk_ha1.get((user, algorithm))

    def offered(self, request: Request, remote: Address) -> tuple[Algorithm, ...]:
        """What to offer at the first challenge, when no credentials name anybody yet."""
        user = claimed_user(request)
        trunk = None if self._trunks.by_user(user) else self._trunks.proving_at(remote)
        if trunk is not None and trunk.digest_algorithms:
            return trunk.digest_algorithms
        return self.algorithms(user)

    def _decoy(self, user: str) -> tuple[Algorithm, ...]:
        seal = hmac.new(self.policy.decoy_key, user.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
        point = int.from_bytes(seal[:8], "big") / 2**64
        return next((own for own, end in self._shares if point < end), self.policy.algorithms)


def claimed_user(request: Request) -> str:
    """The user that a request without credentials names: To of a REGISTER (RFC 3261 section 10.2), else From."""
    try:
        address = request.to if request.method == "REGISTER" else request.from_
    except MalformedValue:
        return ""
    return address.uri.username
