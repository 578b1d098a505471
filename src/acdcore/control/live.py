"""The present state over HTTP: calls, queues, agents and the media engine."""

from http import HTTPStatus

from acdcore.calls.model.commands import Commands, EngineFigures, LiveAgent, LiveCall, UnknownCall, Why
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import (
    AgentList,
    AgentOrder,
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


class LiveRoutes:
    """Reads and commands call control; everything answers from memory."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> tuple[Route, ...]:
        read, operate = Right.READ, Right.OPERATE
        accepted = HTTPStatus.ACCEPTED
        calls = RouteSpec("GET", "/v1/calls", read, "Every call that is up", Calls)
        call = RouteSpec("GET", "/v1/calls/{call_id}", read, "One live call", LiveCall)
        why = RouteSpec("GET", "/v1/calls/{call_id}/why", read, "Why a caller still waits, agent by agent", Why)
        hang_up = RouteSpec("POST", "/v1/calls/{call_id}/hang-up", operate, "End a call", HangingUp, accepted)
        assign = RouteSpec(
            "POST", "/v1/calls/{call_id}/assign", operate, "Offer a caller to this agent now", Sending, accepted
        )
        requeue = RouteSpec(
            "POST", "/v1/calls/{call_id}/requeue", operate, "Send a caller to a queue", Sending, accepted
        )
        divert = RouteSpec("POST", "/v1/calls/{call_id}/flow", operate, "Send a caller into a flow", Sending, accepted)
        queues = RouteSpec("GET", "/v1/queues", read, "Every queue with its figures", Queues)
        agents = RouteSpec("GET", "/v1/agents", read, "Every agent", AgentList)
        agent = RouteSpec("GET", "/v1/agents/{agent}", read, "One agent", LiveAgent)
        state = RouteSpec("POST", "/v1/agents/{agent}/state", operate, "Change an agent's state", LiveAgent)
        engine = RouteSpec("GET", "/v1/engine", read, "The media engine's counters", EngineFigures)
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

    async def calls(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(Calls(self._commands.live_calls()))

    async def call(self, request: ApiRequest[OneCall, Nothing]) -> Reply:
        return Reply(self._commands.live_call(CallId(request.parameters.call_id)))

    async def why(self, request: ApiRequest[OneCall, Nothing]) -> Reply:
        call_id = request.parameters.call_id
        try:
            return Reply(self._commands.why(CallId(call_id)))
        except UnknownCall as error:
            problem = (
                f"{error}; an ended call's offers are in /v1/history/{call_id}, "
                f"and `acdcore why {call_id}` tells each one's candidates from the journal"
            )
            raise UnknownCall(problem) from error

    async def hang_up(self, request: ApiRequest[OneCall, Nothing]) -> Reply:
        call_id = CallId(request.parameters.call_id)
        self._commands.hang_up(call_id, request.by)
        return Reply(HangingUp(call_id))

    async def assign(self, request: ApiRequest[OneCall, Assignment]) -> Reply:
        call_id, agent = CallId(request.parameters.call_id), AgentId(request.body.agent)
        self._commands.assign(call_id, agent, request.by)
        return Reply(Sending(call_id, agent))

    async def requeue(self, request: ApiRequest[OneCall, Requeueing]) -> Reply:
        call_id, queue = CallId(request.parameters.call_id), QueueName(request.body.queue)
        self._commands.requeue(call_id, queue, request.by)
        return Reply(Sending(call_id, queue))

    async def send_to_flow(self, request: ApiRequest[OneCall, Diversion]) -> Reply:
        call_id = CallId(request.parameters.call_id)
        self._commands.send_to_flow(call_id, request.body.flow, request.by)
        return Reply(Sending(call_id, request.body.flow))

    async def queues(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(Queues(self._commands.queues()))

    async def agents(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(AgentList(self._commands.agents()))

    async def agent(self, request: ApiRequest[OneAgent, Nothing]) -> Reply:
        return Reply(self._commands.agent(AgentId(request.parameters.agent)))

    async def set_agent_state(self, request: ApiRequest[OneAgent, AgentOrder]) -> Reply:
        agent, order = AgentId(request.parameters.agent), request.body
        seat = order.seat.seat() if order.seat else None
        return Reply(self._commands.set_agent_state(agent, order.command, order.reason, seat))

    async def engine(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(self._commands.engine())
