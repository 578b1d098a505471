"""Names of things, and the one source of randomness that cores are given."""

import random
import secrets
from typing import NewType

CallId = NewType("CallId", str)
"""One call as acdcore counts it, over all its legs; sortable by time of arrival."""
AgentId = NewType("AgentId", str)
"""An agent's number, which is also the user part of the agent's phone."""
QueueName = NewType("QueueName", str)
"""A queue's key in the configuration."""
SkillName = NewType("SkillName", str)
"""A skill's key in the configuration."""
CustomerId = NewType("CustomerId", int)
"""A customer's row number."""


class IdSource:
    """Tokens for tags, branches, nonces and call ids: seeded in tests, from the system's entropy otherwise."""

    def __init__(self, seed: int | None = None) -> None:
        self._random: random.Random = secrets.SystemRandom() if seed is None else random.Random(seed)

    def token(self, size: int = 8) -> str:
        """`size` random bytes as lower-case hex (RFC 3261 section 19.3 asks for 32 bits or more in a tag)."""
        return f"{self._random.getrandbits(size * 8):0{size * 2}x}"

    def number(self, below: int) -> int:
        """A uniform integer in [0, below)."""
        return self._random.randrange(below)
