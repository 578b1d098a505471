"""How long each agent was in each state: spans, folded from the changes of state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acdcore.kernel.ids import AgentId


class StateChange(Protocol):
    """One change of an agent's state, as the history keeps it."""

    @property
    def agent(self) -> AgentId:
        """The agent whose state changed."""
        ...

    @property
    def at(self) -> datetime:
        """When the new state began, UTC."""
        ...

    @property
    def state(self) -> str:
        """The new state."""
        ...

    @property
    def reason(self) -> str:
        """The reason for not being ready; "" in most other states."""
        ...


@dataclass(frozen=True, slots=True)
class AgentSpan:
    """One agent's time in one state."""

    agent: AgentId
    state: str
    began_at: datetime
    """UTC."""
    ended_at: datetime
    """UTC."""
    reason: str = ""
    """The reason for not being ready; "" in most other states."""


def spans(changes: Iterable[StateChange], until: datetime) -> Iterator[AgentSpan]:
    """The spans between the changes, in the order of their ends; each agent's last span is cut at `until`.

    The changes of one agent must be in order of time. Spans of length 0 are left out.
    """
    running: dict[AgentId, StateChange] = {}  # one for each agent
    for change in changes:
        before = running.get(change.agent)
        running[change.agent] = change
        if before is not None and before.at < change.at:
            yield AgentSpan(before.agent, before.state, before.at, change.at, before.reason)
    for last in running.values():
        if last.at < until:
            yield AgentSpan(last.agent, last.state, last.at, until, last.reason)
