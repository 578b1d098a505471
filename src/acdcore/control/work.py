"""Work items over HTTP: callbacks and messages, their histories, and changes by staff."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from acdcore.calls.model.commands import Commands, UnknownName
from acdcore.calls.model.ports import Directory, History, WorkFilter
from acdcore.calls.model.rows import WorkRow
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, json_response, route
from acdcore.control.schemas import Moment, Name, Nothing, OneLine, PageSize, Phone, Shape, Token
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.numbering.plan import HOME
from acdcore.work.model import DialFirst, WorkId, WorkItem, WorkKind, WorkState


class OneItem(Shape):
    work_id: Token
    """The work item."""


class WorkPage(Shape):
    """Which work items to list, newest first."""

    queue: Name | None = None
    """The queue that the item waits in."""
    kind: WorkKind | None = None
    """Callbacks or messages."""
    state: WorkState | None = None
    """The item's state."""
    number: Phone | None = None
    """The number to call, in any way of writing."""
    agent: Token | None = None
    """The agent who has or had it in progress."""
    is_open: bool | None = None
    """true: only items that are still to be done; false: only ended ones."""
    before: Token | None = None
    """`next` of the page before."""
    limit: PageSize = 100
    """Rows in a page."""


class CallbackOrder(Shape):
    """A callback asked for by staff or a CRM."""

    queue: Name
    """The queue whose agents call."""
    number: Phone
    """Whom to call."""
    subject: OneLine = ""
    """What it is about, for the agent."""
    at: Moment | None = None
    """Not before this time; without it as soon as the queue's hours and agents allow."""
    agent: Token | None = None
    """The agent who is to call, if at work; without it any agent of the queue."""
    dial_first: DialFirst | None = None
    """Who is rung first; without it as the queue's settings say."""


@dataclass(frozen=True, slots=True)
class WorkList:
    """One page of work items."""

    items: tuple[WorkItem, ...]
    next: str | None
    """Give this as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class WorkHistory:
    """A work item and its history."""

    item: WorkItem
    """The item as it is now."""
    history: tuple[WorkRow, ...]
    """Its changes, oldest first."""


@dataclass(frozen=True, slots=True)
class RequestedCallback:
    """The callback is in the callback queue."""

    item: WorkItem
    is_new: bool
    """False: that queue has an open callback to that number for the same time, subject and agent already, which is
    `item`."""


class WorkRoutes:
    """Lists from the history, changes through call control."""

    def __init__(
        self,
        commands: Commands,
        history: History,
        directory: Directory,
        clock: Clock,
        new_work_id: Callable[[], WorkId],
    ) -> None:
        self._commands = commands
        self._history = history
        self._directory = directory
        self._clock = clock
        self._new_work_id = new_work_id

    def routes(self) -> tuple[Route, ...]:
        path, read, operate = "/v1/work", Right.READ, Right.OPERATE
        items = RouteSpec("GET", path, read, "Callbacks and messages, newest first", WorkList)
        item = RouteSpec("GET", path + "/{work_id}", read, "A work item with its history", WorkHistory)
        ask = RouteSpec(
            "POST", path, operate, "Ask for a callback; 200 when one covers it", RequestedCallback, HTTPStatus.CREATED
        )
        done = RouteSpec("POST", path + "/{work_id}/done", operate, "Say that an item is done", WorkItem)
        cancel = RouteSpec("POST", path + "/{work_id}/cancel", operate, "Cancel an item", WorkItem)
        return (
            route(items, WorkPage, Nothing, self.items),
            route(item, OneItem, Nothing, self.item),
            route(ask, Nothing, CallbackOrder, self.request_callback),
            route(done, OneItem, Nothing, self.done),
            route(cancel, OneItem, Nothing, self.cancel),
        )

    async def items(self, request: ApiRequest[WorkPage, Nothing]) -> Reply:
        page = request.parameters
        wanted = WorkFilter(
            queue=QueueName(page.queue) if page.queue else None,
            kind=page.kind,
            state=page.state,
            number=page.number,
            agent=AgentId(page.agent) if page.agent else None,
            is_open=page.is_open,
            before=WorkId(page.before) if page.before else None,
            limit=page.limit,
        )
        found = tuple(await self._history.work(wanted))
        return Reply(WorkList(found, found[-1].id if len(found) == page.limit else None))

    async def item(self, request: ApiRequest[OneItem, Nothing]) -> Reply:
        work_id = request.parameters.work_id
        history = tuple(await self._history.work_history(WorkId(work_id)))
        if not history:
            raise UnknownName(f"there is no work item {work_id}; a new one may take a second to be stored")
        return Reply(WorkHistory(history[-1].item, history))

    async def request_callback(self, request: ApiRequest[Nothing, CallbackOrder]) -> web.Response:
        order = request.body
        number = HOME.canonical(order.number)
        if not number:
            problem = (
                f"number: {order.number} is no telephone number that could be dialled; write it as in +8613800138000"
            )
            raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", problem, "number")
        customer = self._directory.customer_by_phone(order.number)
        wanted = WorkItem(
            id=self._new_work_id(),
            kind=WorkKind.CALLBACK,
            queue=QueueName(order.queue),
            number=number,
            created_at=self._clock.wall(),
            customer_id=customer.id if customer else None,
            language=customer.language if customer else "",
            subject=order.subject,
            at=order.at,
            next_at=order.at,
            for_agent=AgentId(order.agent) if order.agent else None,
            dial_first=order.dial_first,
            changed_by=request.by,
        )
        item = self._commands.request_callback(wanted)
        is_new = item.id == wanted.id
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return json_response(RequestedCallback(item, is_new), status, {"Location": f"/v1/work/{item.id}"})

    async def done(self, request: ApiRequest[OneItem, Nothing]) -> Reply:
        return Reply(self._commands.end_work(WorkId(request.parameters.work_id), WorkState.DONE, request.by))

    async def cancel(self, request: ApiRequest[OneItem, Nothing]) -> Reply:
        return Reply(self._commands.end_work(WorkId(request.parameters.work_id), WorkState.CANCELLED, request.by))
