"""Passwords of phones: generated here, stored only as the two hashes that SIP digest needs."""

import hashlib
import secrets
from dataclasses import dataclass

from acdcore.kernel.ids import AgentId

PASSWORD_BYTES = 12
"""96 bits, 16 characters: too long to guess, short enough to type into a phone."""


@dataclass(frozen=True, slots=True)
class Ha1:
    """H(user:realm:password), RFC 7616 section 3.4.2, as lower-case hex."""

    md5: str
    """32 characters."""
    sha256: str
    """64 characters."""


def new_password() -> str:
    """A fresh password of letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def ha1_hashes(agent: AgentId, realm: str, password: str) -> Ha1:
    """Both hashes of `password` for `agent` in `realm`."""
    secret = f"{agent}:{realm}:{password}".encode()
    return Ha1(hashlib.md5(secret, usedforsecurity=False).hexdigest(), hashlib.sha256(secret).hexdigest())
