"""What the operator decides about the control plane."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from acdcore.kernel.address import Address


class Right(IntEnum):
    """What a key may do; each right holds those before it."""

    READ = 1
    """See calls, queues, agents, customers, hours, screening, work, history, reports, the event stream, the metrics."""
    OPERATE = 2
    """Change agents' states, direct and end calls, change customers, hours, screening and work items."""
    ADMIN = 3
    """Listen to recordings, the most personal data that there is here; create and change agents and their passwords;
    reload the settings."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One client's key; the secret itself is kept nowhere."""

    name: str
    """Who it is, for the access log and for the history of what was commanded."""
    sha256: bytes
    """SHA-256 of the secret; secrets are random and long, so that a slow hash would gain nothing."""
    right: Right
    """What it may do."""

    @classmethod
    def of(cls, name: str, secret: str, right: Right) -> Self:
        """The key whose secret is `secret`."""
        return cls(name, hashlib.sha256(secret.encode()).digest(), right)


LOOPBACK = Address("127.0.0.1", 8080)
"""The interface speaks plain HTTP: when it is to leave the machine it belongs behind a proxy with TLS."""


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Where to listen, whom to let in, where the recordings are."""

    keys: tuple[ApiKey, ...]
    """The clients' keys; with none of them only the health checks and the description answer."""
    recordings: Path
    """Only files below this directory are ever sent."""
    address: Address = LOOPBACK
    """Where to listen; port 0 takes any free one."""
