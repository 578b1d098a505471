"""Peers: who a request was proven to come from."""

from dataclasses import dataclass
from enum import StrEnum


class PeerKind(StrEnum):
    """What a peer is."""

    TRUNK = "trunk"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Peer:
    """A trunk or an agent, by its address or its credentials."""

    kind: PeerKind
    """A trunk or an agent."""
    name: str
    """The trunk's name in the settings, or the agent's number."""
