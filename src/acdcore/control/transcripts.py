"""Transcripts of messages and talks, searched by words."""

from acdcore.calls.model.ports import TranscriptFilter, Transcripts
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Nothing, TranscriptList, TranscriptPage, row_key
from acdcore.control.settings import Right
from acdcore.kernel.ids import CallId


class TranscriptRoutes:
    """Reads transcripts; it needs the same right as listening to recordings."""

    def __init__(self, transcripts: Transcripts) -> None:
        self._transcripts = transcripts

    def routes(self) -> tuple[Route, ...]:
        found = RouteSpec(
            "GET", "/v1/transcripts", Right.ADMIN, "What was said in recordings, newest first", TranscriptList
        )
        return (route(found, TranscriptPage, Nothing, self.transcripts),)

    async def transcripts(self, request: ApiRequest[TranscriptPage, Nothing]) -> Reply:
        page = request.parameters
        wanted = TranscriptFilter(
            words=page.q,
            call_id=CallId(page.call_id) if page.call_id else None,
            path=page.recording,
            started_from=page.started_from,
            started_before=page.started_before,
            before=row_key(page.before) if page.before else None,
            limit=page.limit,
        )
        found = tuple(await self._transcripts.transcripts(wanted))
        last = found[-1].recording if len(found) == page.limit else None
        return Reply(TranscriptList(found, f"{last.call_id}/{last.n}" if last else None))
