"""What operations staff, boards and CRMs may see and do: the hall behind the control plane's protocol."""

from collections.abc import Callable
from dataclasses import replace

from acdcore.calls.call import Call
from acdcore.calls.commands import (
    AgentCommand,
    CallState,
    Candidate,
    EngineFigures,
    Health,
    LiveAgent,
    LiveCall,
    LiveQueue,
    PartHealth,
    UnknownCall,
    Why,
    WrongState,
)
from acdcore.calls.hall import Hall
from acdcore.calls.switchboard import Switchboard
from acdcore.kernel.ids import AgentId, CallId
from acdcore.queues.view import QueueView

NEEDED = frozenset({"sip", "media"})
"""Parts without which no call can be taken."""


class Operations:
    """The `Commands` of the control plane."""

    def __init__(
        self, hall: Hall, switchboard: Switchboard, ports: int, health: Callable[[], tuple[PartHealth, ...]]
    ) -> None:
        """`ports` is the number of port pairs that the engine may open; `health` asks every part how it is."""
        self._hall = hall
        self._switchboard = switchboard
        self._ports = ports
        self._health = health

    # --- calls ---

    def live_calls(self) -> tuple[LiveCall, ...]:
        """Every call that is up, oldest first."""
        positions = self._positions()
        return tuple(self._placed(call, positions) for call in self._switchboard.calls.values())

    def live_call(self, call_id: CallId) -> LiveCall:
        """One call that is up; raises UnknownCall."""
        return self._placed(self._call(call_id), self._positions())

    def hang_up(self, call_id: CallId, by: str) -> None:
        """End a call; raises UnknownCall, WrongState."""
        call = self._call(call_id)
        if not self._switchboard.hang_up(call_id, by):
            raise WrongState(f"call {call_id} is {call.view.state.value} already")

    def why(self, call_id: CallId) -> Why:
        """Why a caller still waits; raises UnknownCall, WrongState."""
        call = self._call(call_id)
        explanation = self._hall.acd.why(call)
        if explanation is None:
            raise WrongState(f"call {call_id} is {call.view.state.value}: it waits in no queue")
        names = {record.agent: record.name for record in self._hall.directory.agents()}
        candidates = tuple(
            Candidate(each.agent, names.get(each.agent, ""), each.exclusion.value if each.exclusion else None)
            for each in explanation.candidates
        )
        ringing = f"agent {explanation.ringing} is being rung" if explanation.ringing else None
        queued_at = call.view.queued_at or call.view.arrived_at
        waited_s = (self._hall.clock.wall() - queued_at).total_seconds()
        return Why(call_id, explanation.queue, explanation.position, round(waited_s, 1), ringing, candidates)

    def _call(self, call_id: CallId) -> Call:
        call = self._switchboard.calls.get(call_id)
        if call is None:
            raise UnknownCall(f"no call {call_id} is up")
        return call

    def _positions(self) -> dict[CallId, int]:
        return {
            self._hall.acd.call_id(waiting.entry): waiting.position
            for queue in self._hall.acd.snapshot().queues
            for waiting in queue.waiting
        }

    @staticmethod
    def _placed(call: Call, positions: dict[CallId, int]) -> LiveCall:
        return replace(call.view, position=positions.get(call.id))

    # --- queues and agents ---

    def queues(self) -> tuple[LiveQueue, ...]:
        """Every queue, by name."""
        talking: dict[str, int] = {}
        for call in self._switchboard.calls.values():
            if call.view.state in (CallState.TALKING, CallState.HELD) and call.view.queue is not None:
                talking[call.view.queue] = talking.get(call.view.queue, 0) + 1
        views = sorted(self._hall.acd.snapshot().queues, key=lambda view: view.queue)
        return tuple(live_queue(view, talking.get(view.queue, 0)) for view in views)

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent, by number."""
        return self._hall.desks.agents()

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        return self._hall.desks.agent(agent)

    def set_agent_state(self, agent: AgentId, command: AgentCommand, reason: str | None) -> LiveAgent:
        """Carry out `command`; raises UnknownAgent, WrongState."""
        return self._hall.desks.command(agent, command, reason)

    def agent_changed(self, agent: AgentId) -> None:
        """Take over what the directory now says of an agent; raises UnknownAgent."""
        self._hall.desks.agent_changed(agent)

    # --- the machine ---

    def engine(self) -> EngineFigures:
        """The media engine's counters."""
        census = self._hall.wiring.engine.census()
        carried = self._hall.wiring.so_far()
        return EngineFigures(
            streams=census.streams,
            ports_free=self._ports - census.streams,
            packets_received=carried.packets_in,
            packets_sent=carried.packets_out,
            packets_lost=carried.lost,
            packets_refused=carried.refused,
            tap_samples_dropped=census.dropped_blocks * 8000,
        )

    def health(self) -> Health:
        """Every part; ready when all that calls need is well and the daemon is not stopping."""
        parts = self._health()
        is_well = all(part.is_ok for part in parts if part.name in NEEDED)
        return Health(is_well and not self._switchboard.is_draining, parts)


def live_queue(view: QueueView, talking: int) -> LiveQueue:
    """A queue as boards show it."""
    figures = view.figures
    ringing = sum(waiting.agent is not None for waiting in view.waiting)
    return LiveQueue(
        name=view.queue,
        waiting=len(view.waiting) - ringing,
        ringing=ringing,
        talking=talking,
        agents_logged_in=view.agents_on_duty,
        agents_ready=view.agents_ready,
        offered=figures.offered,
        answered=figures.answered,
        abandoned_long=figures.abandoned,
        abandoned_short=figures.abandoned_short,
        overflowed=figures.overflowed,
        service_level=figures.service_level,
        longest_wait_s=max((waiting.waited_s for waiting in view.waiting), default=0.0),
        asa_s=figures.average_speed_of_answer_s,
    )
