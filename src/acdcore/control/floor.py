"""The live floor over HTTP: calls, queues, agents and the media engine."""

from http import HTTPStatus

from acdcore.calls.model.commands import Commands, EngineFigures, LiveAgent, LiveCall, UnknownCall, Why
from acdcore.control.route import Asked, Plan, Reply, Route, route
from acdcore.control.schemas import (
    AgentOrder,
    Agents,
    Assignment,
    Calls,
    Diversion,
    HangingUp,
    Nothing,
    OneAgent,
    OneCall,
    Queues,
    Requeueing,
    Sending,
)
from acdcore.control.settings import Right
from acdcore.kernel.ids import AgentId, CallId, QueueName


class Floor:
    """Reads and commands the hall; everything answers from memory."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> tuple[Route, ...]:
        read, operate = Right.READ, Right.OPERATE
        accepted = HTTPStatus.ACCEPTED
        calls = Plan("GET", "/v1/calls", read, "Every call that is up", Calls)
        call = Plan("GET", "/v1/calls/{call_id}", read, "One live call", LiveCall)
        why = Plan("GET", "/v1/calls/{call_id}/why", read, "Why a caller still waits, agent by agent", Why)
        hang_up = Plan("POST", "/v1/calls/{call_id}/hang-up", operate, "End a call", HangingUp, accepted)
        assign = Plan(
            "POST", "/v1/calls/{call_id}/assign", operate, "Offer a caller to this agent now", Sending, accepted
        )
        requeue = Plan("POST", "/v1/calls/{call_id}/requeue", operate, "Send a caller to a queue", Sending, accepted)
        divert = Plan("POST", "/v1/calls/{call_id}/flow", operate, "Send a caller into a flow", Sending, accepted)
        queues = Plan("GET", "/v1/queues", read, "Every queue with its figures", Queues)
        agents = Plan("GET", "/v1/agents", read, "Every agent", Agents)
        agent = Plan("GET", "/v1/agents/{agent}", read, "One agent", LiveAgent)
        state = Plan("POST", "/v1/agents/{agent}/state", operate, "Change an agent's state", LiveAgent)
        engine = Plan("GET", "/v1/engine", read, "The media engine's counters", EngineFigures)
        return (
            route(calls, Nothing, Nothing, self.calls),
            route(call, OneCall, Nothing, self.call),
            route(why, OneCall, Nothing, self.why),
            route(hang_up, OneCall, Nothing, self.hang_up),
            route(assign, OneCall, Assignment, self.assign),
            route(requeue, OneCall, Requeueing, self.requeue),
            route(divert, OneCall, Diversion, self.send_to_flow),
            route(queues, Nothing, Nothing, self.queues),
            route(agents, Nothing, Nothing, self.agents),
            route(agent, OneAgent, Nothing, self.agent),
            route(state, OneAgent, AgentOrder, self.set_agent_state),
            route(engine, Nothing, Nothing, self.engine),
        )

    async def calls(self, asked: Asked[Nothing, Nothing]) -> Reply:
        return Reply(Calls(self._commands.live_calls()))

    async def call(self, asked: Asked[OneCall, Nothing]) -> Reply:
        return Reply(self._commands.live_call(CallId(asked.parameters.call_id)))

    async def why(self, asked: Asked[OneCall, Nothing]) -> Reply:
        call_id = asked.parameters.call_id
        try:
            return Reply(self._commands.why(CallId(call_id)))
        except UnknownCall as error:
            problem = (
                f"{error}; an ended call's offers are in /v1/history/{call_id}, "
                f"and `acdcore why {call_id}` tells each one's candidates from the journal"
            )
            raise UnknownCall(problem) from error

    async def hang_up(self, asked: Asked[OneCall, Nothing]) -> Reply:
        call_id = CallId(asked.parameters.call_id)
        self._commands.hang_up(call_id, asked.by)
        return Reply(HangingUp(call_id))

    async def assign(self, asked: Asked[OneCall, Assignment]) -> Reply:
        call_id, agent = CallId(asked.parameters.call_id), AgentId(asked.body.agent)
        self._commands.assign(call_id, agent, asked.by)
        return Reply(Sending(call_id, agent))

    async def requeue(self, asked: Asked[OneCall, Requeueing]) -> Reply:
        call_id, queue = CallId(asked.parameters.call_id), QueueName(asked.body.queue)
        self._commands.requeue(call_id, queue, asked.by)
        return Reply(Sending(call_id, queue))

    async def send_to_flow(self, asked: Asked[OneCall, Diversion]) -> Reply:
        call_id = CallId(asked.parameters.call_id)
        self._commands.send_to_flow(call_id, asked.body.flow, asked.by)
        return Reply(Sending(call_id, asked.body.flow))

    async def queues(self, asked: Asked[Nothing, Nothing]) -> Reply:
        return Reply(Queues(self._commands.queues()))

    async def agents(self, asked: Asked[Nothing, Nothing]) -> Reply:
        return Reply(Agents(self._commands.agents()))

    async def agent(self, asked: Asked[OneAgent, Nothing]) -> Reply:
        return Reply(self._commands.agent(AgentId(asked.parameters.agent)))

    async def set_agent_state(self, asked: Asked[OneAgent, AgentOrder]) -> Reply:
        agent, order = AgentId(asked.parameters.agent), asked.body
        seat = order.seat.seat() if order.seat else None
        return Reply(self._commands.set_agent_state(agent, order.command, order.reason, seat))

    async def engine(self, asked: Asked[Nothing, Nothing]) -> Reply:
        return Reply(self._commands.engine())
