"""Agents as configured: create, change, deactivate, set the phone's password, also while agents work."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from pydantic import SecretStr

from acdcore.calls.model.commands import Commands, UnknownAgent
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.ports import AgentStore, Directory
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import (
    AgentCreation,
    AgentPatch,
    AgentProfile,
    NewAgent,
    Nothing,
    OneAgent,
    PasswordChanged,
    PasswordOrder,
)
from acdcore.control.settings import Right
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId


class AgentRoutes:
    """Writes through the store, which changes the database first; then informs call control.

    Agents have no version. Changes are made one after the other, so that none starts from a record that another
    change, for example of the password, has replaced meanwhile.
    """

    def __init__(
        self, directory: Directory, store: AgentStore, commands: Commands, new_password: Callable[[], str]
    ) -> None:
        self._directory = directory
        self._store = store
        self._commands = commands
        self._new_password = new_password
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        path, admin = "/v1/agents/{agent}", Right.ADMIN
        create = RouteSpec("POST", "/v1/agents", admin, "Create an agent", NewAgent, HTTPStatus.CREATED)
        profile = RouteSpec("GET", f"{path}/profile", Right.READ, "An agent as configured", AgentProfile)
        change = RouteSpec("PATCH", path, admin, "Change or deactivate an agent, at work or not", AgentProfile)
        password = RouteSpec("PUT", f"{path}/password", admin, "Give the agent's phone a new password", PasswordChanged)
        return (
            route(create, Nothing, AgentCreation, self.create),
            route(profile, OneAgent, Nothing, self.profile),
            route(change, OneAgent, AgentPatch, self.change),
            route(password, OneAgent, PasswordOrder, self.set_password),
        )

    async def profile(self, request: ApiRequest[OneAgent, Nothing]) -> Reply:
        return Reply(self._shown(self._known(request.parameters.agent)))

    async def create(self, request: ApiRequest[Nothing, AgentCreation]) -> Reply:
        record = request.body.record()
        async with self._one_at_a_time:
            await self._store.add(record)
            try:
                made = await self._store_password(record.agent, request.body.password)
            except Unavailable as error:
                raise half_created(record.agent) from error
        headers = {"Location": f"/v1/agents/{record.agent}"}
        return Reply(NewAgent(self._shown(record), made), headers)

    async def change(self, request: ApiRequest[OneAgent, AgentPatch]) -> Reply:
        async with self._one_at_a_time:
            record = request.body.applied_to(self._known(request.parameters.agent))
            await self._store.change(record)
            self._commands.agent_changed(record.agent)
        return Reply(self._shown(record))

    async def set_password(self, request: ApiRequest[OneAgent, PasswordOrder]) -> Reply:
        async with self._one_at_a_time:
            agent = self._known(request.parameters.agent).agent
            made = await self._store_password(agent, request.body.password)
        return Reply(PasswordChanged(agent, made))

    def _shown(self, record: AgentRecord) -> AgentProfile:
        return AgentProfile.of(record, self._commands.skill_warnings(record.skills))

    async def _store_password(self, agent: AgentId, given: SecretStr | None) -> str | None:
        """Store the given password, or generate one and return it: the answer is the only place that shows it."""
        if given is not None:
            await self._store.set_password(agent, given.get_secret_value())
            return None
        made = self._new_password()
        await self._store.set_password(agent, made)
        return made

    def _known(self, number: str) -> AgentRecord:
        record = self._directory.agent(AgentId(number))
        if record is None:
            raise UnknownAgent(f"there is no agent {number}")
        return record


def half_created(agent: AgentId) -> ApiError:
    """The error when the database failed between the two writes: the agent exists, but no phone can register yet."""
    message = f"agent {agent} was created without a password; PUT /v1/agents/{agent}/password when the database is back"
    error = ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message)
    error.headers = {"Retry-After": "5"}
    return error
