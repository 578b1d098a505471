"""The API keys of clients, and the key in a request."""

import hashlib
import hmac
from collections.abc import Mapping

from acdcore.control.settings import ApiKey


class Keyring:
    """The configured keys, compared in constant time."""

    def __init__(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = keys

    def change(self, keys: tuple[ApiKey, ...]) -> frozenset[str]:
        """Replace the keys from the next request on; returns the names whose key is gone or has changed."""
        gone = set(self._keys) - set(keys)
        self._keys = keys
        return frozenset(key.name for key in gone)

    def find(self, secret: str) -> ApiKey | None:
        """The key with that secret. Every key is compared, so that the time taken tells nothing about which matched."""
        digest = hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def secret_of(headers: Mapping[str, str]) -> str | None:
    """The secret in `Authorization: Bearer ...` (RFC 6750 section 2.1) or else in `X-API-Key: ...`."""
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("X-API-Key", "").strip() or None
