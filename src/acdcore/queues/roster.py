"""All agents, and the lines that each of them may serve."""

from collections.abc import Iterable, Iterator

from acdcore.kernel.ids import AgentId
from acdcore.queues import policy
from acdcore.queues.agent import Agent, AgentEvent
from acdcore.queues.decisions import AgentKey, AgentState
from acdcore.queues.inputs import MAX_AGENTS
from acdcore.queues.settings import AgentSettings
from acdcore.queues.waiting_line import WaitingLine


class Roster:
    """Keeps each line's ready agents and its number of agents on duty up to date with the agents' states."""

    def __init__(self) -> None:
        self._agents: dict[AgentId, Agent] = {}
        # The lines that each agent may serve, with the agent's key there; None: not ready.
        self._served_lines: dict[AgentId, dict[WaitingLine, AgentKey | None]] = {}

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def get(self, agent: AgentId) -> Agent | None:
        """The agent; None: not known."""
        return self._agents.get(agent)

    def get_or_add(self, agent: AgentId, now: float) -> Agent | None:
        """The agent, who is added if new; None: `MAX_AGENTS` agents are known already."""
        known = self._agents.get(agent)
        if known is None and len(self._agents) < MAX_AGENTS:
            known = self._agents[agent] = Agent(AgentSettings(agent), now)
            self._served_lines[agent] = {}
        return known

    def lines_of(self, agent: Agent) -> list[WaitingLine]:
        """The lines that the agent may serve, ready or not."""
        return list(self._served_lines[agent.id])

    def apply(self, agent: Agent, event: AgentEvent, now: float, reason: str = "") -> None:
        """Apply an event. An agent who leaves READY leaves the lines; one who becomes READY needs `make_ready`."""
        before, was_on_duty = agent.state, agent.is_on_duty
        agent.apply(event, now, reason)
        if before is AgentState.READY and agent.state is not before:
            self._unready(agent)
        change = agent.is_on_duty - was_on_duty
        if change:
            for line in self._served_lines[agent.id]:
                line.on_duty += change

    def make_ready(self, agent: Agent) -> None:
        """Enter a ready agent at all lines that the agent may serve; no effect when already there."""
        for line, key in self._served_lines[agent.id].items():
            if key is None:
                self._ready(agent, line)

    def change_settings(self, agent: Agent, settings: AgentSettings, lines: Iterable[WaitingLine]) -> list[WaitingLine]:
        """Replace the agent's settings; returns the lines that the agent no longer serves."""
        left = self.lines_of(agent)
        for line in left:
            self._leave(agent, line)
        agent.settings = settings
        for line in lines:
            self._join(agent, line)
        return [line for line in left if line not in self._served_lines[agent.id]]

    def open(self, line: WaitingLine) -> None:
        """Enter the agents who may serve a new line."""
        for agent in self._candidates(line):
            self._join(agent, line)

    def close(self, line: WaitingLine) -> None:
        """Remove a line from all agents."""
        for agent in self._candidates(line):
            self._served_lines[agent.id].pop(line, None)

    def serves(self, agent: Agent, line: WaitingLine) -> bool:
        """Whether the agent may serve a line, ready or not."""
        return line in self._served_lines[agent.id]

    def _candidates(self, line: WaitingLine) -> Iterable[Agent]:
        """All agents, or the one agent for whom the line is kept; for such a line the roster is not searched."""
        only = line.demand.only
        if only is None:
            return self._agents.values()
        agent = self._agents.get(only)
        return () if agent is None else (agent,)

    def _join(self, agent: Agent, line: WaitingLine) -> None:
        if (
            line.demand.only not in (None, agent.id)
            or policy.settings_exclusion(agent.settings, line.demand) is not None
        ):
            return
        self._served_lines[agent.id][line] = None
        line.on_duty += agent.is_on_duty
        if agent.state is AgentState.READY:
            self._ready(agent, line)

    def _leave(self, agent: Agent, line: WaitingLine) -> None:
        key = self._served_lines[agent.id].pop(line)
        line.on_duty -= agent.is_on_duty
        if key is not None:
            line.remove_ready(key)

    def _ready(self, agent: Agent, line: WaitingLine) -> None:
        key = line.agent_key(agent)
        self._served_lines[agent.id][line] = key
        line.add_ready(agent, key)

    def _unready(self, agent: Agent) -> None:
        served = self._served_lines[agent.id]
        for line, key in served.items():
            if key is not None:
                line.remove_ready(key)
                served[line] = None
