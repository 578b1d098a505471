"""Seats: at which phone each agent works, where that is not the agent's own."""

from acdcore.calls.model.commands import Seat, SeatKind
from acdcore.kernel.ids import AgentId


class Seats:
    """The seats of all agents. `Agents` decides whether a phone is taken; an external number may be shared."""

    def __init__(self) -> None:
        self._by_agent: dict[AgentId, Seat] = {}

    def of(self, agent: AgentId) -> Seat | None:
        """The agent's seat; None: the agent's own phone."""
        return self._by_agent.get(agent)

    def take(self, agent: AgentId, seat: Seat | None) -> None:
        """Set the agent's seat; None: the agent's own phone."""
        if seat is None or seat == Seat(SeatKind.PHONE, agent):
            self._by_agent.pop(agent, None)
        else:
            self._by_agent[agent] = seat

    def phone_of(self, agent: AgentId) -> AgentId | None:
        """The user under which the phone at the agent's seat is registered; None for an external number."""
        return phone_at(agent, self._by_agent.get(agent))

    def guest_at(self, phone: AgentId) -> AgentId | None:
        """The agent who works at this phone although it is another agent's; None when there is none."""
        seat = Seat(SeatKind.PHONE, phone)
        return next((agent for agent, taken in self._by_agent.items() if taken == seat), None)


def phone_at(agent: AgentId, seat: Seat | None) -> AgentId | None:
    """The user of the phone at a seat; None for an external number."""
    if seat is None:
        return agent
    return AgentId(seat.where) if seat.kind is SeatKind.PHONE else None


def format_seat(seat: Seat | None) -> str:
    """A seat as one word, `number:13800000001`, for the journal; empty for the agent's own phone."""
    return "" if seat is None else f"{seat.kind.value}:{seat.where}"


def parse_seat(word: str) -> Seat | None:
    """The seat in the form of `format_seat`; None (the agent's own phone) for a text that cannot be read."""
    kind, _, where = word.partition(":")
    return Seat(SeatKind(kind), where) if kind in set(SeatKind) and where else None
