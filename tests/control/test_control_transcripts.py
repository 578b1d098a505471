"""What was said, over HTTP: who may read it, and how it is asked for."""

from datetime import UTC, datetime
from http import HTTPStatus

from tests.control.fake_centre import ENDED, MORNING, recording_of
from tests.control.served import Served

from acdcore.calls.model.ports import Transcribed, TranscriptFilter
from acdcore.calls.model.rows import SpokenPart, TranscriptRow
from acdcore.kernel.ids import CallId


def said(text: str, n: int = 1) -> Transcribed:
    row = TranscriptRow(ENDED, n, MORNING, "cmn", (SpokenPart("caller", 0.0, 1.0, text),))
    return Transcribed(recording_of(ENDED, f"2026/11/21/{ENDED}-{n}.wav", n), row)


async def test_transcripts_need_the_right_to_listen(served: Served) -> None:
    served.centre.transcripts = [said("我的发票")]
    assert (await served.reader.get("/v1/transcripts")).status == HTTPStatus.FORBIDDEN
    assert (await served.operator.get("/v1/transcripts")).status == HTTPStatus.FORBIDDEN
    assert (await served.admin.get("/v1/transcripts")).status == HTTPStatus.OK


async def test_filters_reach_the_store_as_given(served: Served) -> None:
    query = "?q=发票 invoice&from=2026-11-21T08:00:00Z&to=2026-11-22T00:00:00Z&limit=9"
    response = await served.admin.get(f"/v1/transcripts{query}&call_id={ENDED}&recording=2026/11/21/a-1.wav&before=c/2")
    assert response.status == HTTPStatus.OK
    assert served.centre.asked_transcripts == TranscriptFilter(
        words="发票 invoice",
        call_id=ENDED,
        path="2026/11/21/a-1.wav",
        started_from=datetime(2026, 11, 21, 8, tzinfo=UTC),
        started_before=datetime(2026, 11, 22, tzinfo=UTC),
        before=(CallId("c"), 2),
        limit=9,
    )


async def test_full_page_names_the_next(served: Served) -> None:
    served.centre.transcripts = [said("一", 2), said("二", 1)]
    page = await (await served.admin.get("/v1/transcripts?limit=2")).json()
    assert page["next"] == f"{ENDED}/1"
    assert page["transcripts"][0]["transcript"]["parts"][0]["text"] == "一"


async def test_words_that_are_in_everything_are_refused(served: Served) -> None:
    for words in ("", "的", "。，", "a b c"):
        response = await served.admin.get("/v1/transcripts", params={"q": words})
        assert response.status == HTTPStatus.BAD_REQUEST, words
        assert (await response.json())["error"]["field"] == "q"


async def test_without_database_asks_to_come_again(served: Served) -> None:
    served.centre.is_database_away = True
    assert (await served.admin.get("/v1/transcripts")).status == HTTPStatus.SERVICE_UNAVAILABLE
