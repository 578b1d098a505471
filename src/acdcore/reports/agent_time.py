"""Spans: how long each agent was in which state, as a fold over the changes of state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acdcore.kernel.ids import AgentId


class StateChange(Protocol):
    """One change of an agent's state, as it is kept in the history."""

    @property
    def agent(self) -> AgentId:
        """Whose."""
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
        """Why not ready; "" in most other states."""
        ...


@dataclass(frozen=True, slots=True)
class AgentSpan:
    """An agent in one state from one moment to another."""

    agent: AgentId
    state: str
    began_at: datetime
    """UTC."""
    ended_at: datetime
    """UTC."""
    reason: str = ""
    """Why not ready."""


def spans(changes: Iterable[StateChange], until: datetime) -> Iterator[AgentSpan]:
    """The spans between the changes, in the order of their ends; the last one of each agent is cut at `until`.

    The changes of one agent must be in the order of time. Spans of no length are left out.
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
