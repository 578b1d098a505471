"""The settings of the control plane, and its keys and rights."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from acdcore.kernel.address import Address


class Right(IntEnum):
    """What a key may do; each right includes those before it."""

    READ = 1
    """See calls, queues, agents, customers, hours, screening, work, history, reports, the event stream, the metrics."""
    OPERATE = 2
    """Change agents' states, direct and end calls, change customers, hours, screening and work items."""
    ADMIN = 3
    """Listen to recordings, the most personal data of all; create and change agents and their passwords;
    reload the settings."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One client's key; the secret itself is not stored."""

    name: str
    """The client's name, for the access log and for the history of commands."""
    sha256: bytes
    """SHA-256 of the secret; secrets are random and long, so a slow hash would gain nothing."""
    right: Right
    """What it may do."""

    @classmethod
    def of(cls, name: str, secret: str, right: Right) -> Self:
        """The key whose secret is `secret`."""
        return cls(name, hashlib.sha256(secret.encode()).digest(), right)


LOOPBACK = Address("127.0.0.1", 8080)
"""The interface speaks plain HTTP; for access from other machines put a proxy with TLS in front of it."""


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """The control plane's address, keys and recordings directory."""

    keys: tuple[ApiKey, ...]
    """The clients' keys; with none of them only the health checks and the description answer."""
    recordings: Path
    """Only files below this directory are ever sent."""
    address: Address = LOOPBACK
    """Where to listen; port 0 takes any free one."""
