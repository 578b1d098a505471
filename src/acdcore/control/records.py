"""Ended calls, their histories and their recordings."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from stat import S_ISREG

from aiohttp import web

from acdcore.calls.model.ports import CallFilter, CallHistory, History, RecordingFilter
from acdcore.calls.model.rows import RecordingRow, TraceRow
from acdcore.control.access import log
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import (
    CallList,
    CallPage,
    Nothing,
    OneCall,
    OneRecording,
    RecordingPage,
    Recordings,
    row_key,
)
from acdcore.control.settings import Right
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")
"""Headers that make a request conditional (RFC 9110 section 13.1)."""


class RecordRoutes:
    """Reads the history, and sends recordings from the recordings directory only."""

    def __init__(self, history: History, recordings: Path) -> None:
        self._history = history
        self._directory = recordings

    def routes(self) -> tuple[Route, ...]:
        calls = RouteSpec("GET", "/v1/history", Right.READ, "Ended calls, newest first", CallList)
        call = RouteSpec("GET", "/v1/history/{call_id}", Right.READ, "An ended call with all its events", CallHistory)
        trace = RouteSpec(
            "GET",
            "/v1/history/{call_id}/trace",
            Right.ADMIN,
            "The number that a caller withheld, for tracing",
            TraceRow,
        )
        recordings = RouteSpec("GET", "/v1/recordings", Right.READ, "Recordings, newest first", Recordings)
        audio = RouteSpec(
            method="GET",
            path="/v1/recordings/{call_id}/{number}/audio",
            right=Right.ADMIN,
            summary="The WAV file: caller left, agent right; takes Range",
            answer=bytes,
            media_type="audio/wav",
        )
        return (
            route(calls, CallPage, Nothing, self.calls),
            route(call, OneCall, Nothing, self.call),
            route(trace, OneCall, Nothing, self.trace),
            route(recordings, RecordingPage, Nothing, self.recordings),
            route(audio, OneRecording, Nothing, self.audio),
        )

    async def calls(self, request: ApiRequest[CallPage, Nothing]) -> Reply:
        page = request.parameters
        wanted = CallFilter(
            arrived_from=page.arrived_from,
            arrived_before=page.arrived_before,
            caller=page.caller,
            agent=AgentId(page.agent) if page.agent else None,
            queue=QueueName(page.queue) if page.queue else None,
            customer_id=CustomerId(page.customer_id) if page.customer_id else None,
            outcome=page.outcome,
            end_cause=page.end_cause,
            is_served=page.served,
            duration_s_min=page.min_duration_s,
            before=CallId(page.before) if page.before else None,
            limit=page.limit,
        )
        rows = tuple(await self._history.calls(wanted))
        return Reply(CallList(rows, rows[-1].call_id if len(rows) == page.limit else None))

    async def call(self, request: ApiRequest[OneCall, Nothing]) -> Reply:
        history = await self._history.call(CallId(request.parameters.call_id))
        if history is None:
            problem = "no ended call has that id; a call that is up is under /v1/calls, a record may take a second"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown_call", problem, "call_id")
        return Reply(history)

    async def trace(self, request: ApiRequest[OneCall, Nothing]) -> Reply:
        row = await self._history.trace(CallId(request.parameters.call_id))
        if row is None:
            problem = "no number is kept for that call: its caller withheld none, or the trunk asserted none"
            raise ApiError(HTTPStatus.NOT_FOUND, "no_trace", problem, "call_id")
        log().warning("number_traced", call=row.call_id, by=request.by)
        return Reply(row)

    async def recordings(self, request: ApiRequest[RecordingPage, Nothing]) -> Reply:
        page = request.parameters
        wanted = RecordingFilter(
            started_from=page.started_from,
            started_before=page.started_before,
            caller=page.caller,
            agent=AgentId(page.agent) if page.agent else None,
            agent_name=page.agent_name,
            duration_s_min=page.min_duration_s,
            duration_s_max=page.max_duration_s,
            before=row_key(page.before) if page.before else None,
            limit=page.limit,
        )
        rows = tuple(await self._history.recordings(wanted))
        return Reply(Recordings(rows, f"{rows[-1].call_id}/{rows[-1].n}" if len(rows) == page.limit else None))

    async def audio(self, request: ApiRequest[OneRecording, Nothing]) -> web.StreamResponse:
        row = await self._history.recording(CallId(request.parameters.call_id), request.parameters.number)
        if row is None:
            problem = "no such recording; /v1/recordings lists what there is"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown_recording", problem)
        found = await asyncio.to_thread(existing_file, self._directory, row)
        if found is None:
            problem = f"the file {row.path} is no longer in the recordings directory; look for it in the backup"
            raise ApiError(HTTPStatus.NOT_FOUND, "recording_gone", problem)
        path, size_bytes = found
        if is_beyond(request.http, size_bytes):
            raise range_refused(size_bytes)
        attachment = f'attachment; filename="{row.call_id}-{row.n}.wav"'
        return web.FileResponse(path, headers={"Content-Type": "audio/wav", "Content-Disposition": attachment})


def is_beyond(request: web.Request, size_bytes: int) -> bool:
    """Whether the request is for a range beyond the end of the file.

    Conditional requests are left to the framework, which answers a failed condition by its status alone: a condition
    is evaluated before the range (RFC 9110 section 13.2.2).
    """
    if any(name in request.headers for name in CONDITIONS):
        return False
    try:
        start = request.http_range.start
    except ValueError:
        return True
    return start is not None and start >= size_bytes


def range_refused(size_bytes: int) -> ApiError:
    """The error 416, which tells a player the length of the file (RFC 9110 section 15.5.17)."""
    problem = f"no such range: the file has {size_bytes} bytes; ask for one range that begins before its end"
    error = ApiError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "no_such_range", problem, "Range")
    error.headers = {"Content-Range": f"bytes */{size_bytes}"}
    return error


def existing_file(directory: Path, row: RecordingRow) -> tuple[Path, int] | None:
    """The recording's file and its size in bytes, if it exists and, with links followed, is below `directory`."""
    root = directory.resolve()
    path = (root / row.path).resolve()
    if not path.is_relative_to(root):
        return None
    try:
        state = path.stat()
    except OSError:  # one stat only: retention may delete the file between two
        return None
    return (path, state.st_size) if S_ISREG(state.st_mode) else None
