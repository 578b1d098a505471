"""A host and a port."""

from typing import NamedTuple


class Address(NamedTuple):
    """An IP endpoint; `host` is a literal IPv4 or IPv6 address without brackets, `port` 0 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
