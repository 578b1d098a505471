"""History and recordings over HTTP."""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.control.fake_centre import ENDED, MORNING, ended_call, recording_of
from tests.control.served import Served

from acdcore.calls.model.ports import CallFilter, RecordingFilter
from acdcore.calls.model.rows import TraceRow
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import CallId

AUDIO = f"/v1/recordings/{ENDED}/1/audio"


async def test_history_is_walked_page_by_page_to_its_end(served: Served) -> None:
    served.centre.cdrs = [ended_call(CallId(f"call-{number:02}")) for number in range(5)]
    seen: list[str] = []
    query = "?limit=2"
    while query:
        page = await (await served.reader.get(f"/v1/history{query}")).json()
        seen += [call["call_id"] for call in page["calls"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == ["call-04", "call-03", "call-02", "call-01", "call-00"]


async def test_history_filters_reach_the_store_as_given(served: Served) -> None:
    query = "?from=2026-11-21T08:00:00+08:00&to=2026-11-22T00:00:00Z&caller=+86%2021%205555%200101&agent=1001"
    response = await served.reader.get(f"/v1/history{query}&queue=service&outcome=answered&min_duration_s=30&limit=9")
    assert response.status == HTTPStatus.OK
    assert served.centre.filters == [
        CallFilter(
            arrived_from=datetime(2026, 11, 21, tzinfo=UTC),
            arrived_before=datetime(2026, 11, 22, tzinfo=UTC),
            caller="+86 21 5555 0101",
            agent=served.centre.cdrs[0].agent,
            queue=served.centre.cdrs[0].queue,
            outcome=Outcome.ANSWERED,
            duration_s_min=30.0,
            limit=9,
        )
    ]


async def test_history_of_a_call_holds_events_and_recordings(served: Served) -> None:
    history = await (await served.reader.get(f"/v1/history/{ENDED}")).json()
    assert history["cdr"]["outcome"] == "answered"
    assert history["cdr"]["figures"] == {"lost": 2}
    assert history["events"][0]["detail"] == {"trunk": "carrier"}
    assert history["recordings"][0]["n"] == 1


async def test_unknown_ended_call_is_404(served: Served) -> None:
    response = await served.reader.get("/v1/history/nobody")
    assert (response.status, (await response.json())["error"]["field"]) == (HTTPStatus.NOT_FOUND, "call_id")


async def test_history_without_database_asks_to_come_again(served: Served) -> None:
    served.centre.is_database_away = True
    response = await served.reader.get("/v1/history")
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(response.headers["Retry-After"]) > 0
    assert (await served.reader.get("/v1/calls")).status == HTTPStatus.OK


async def test_recordings_are_walked_by_their_two_part_key(served: Served) -> None:
    served.centre.recording_rows = [recording_of(ENDED, f"{n}.wav", n) for n in (1, 2, 3)]
    first = await (await served.reader.get("/v1/recordings?limit=2&agent_name=One")).json()
    assert [one["n"] for one in first["recordings"]] == [3, 2]
    second = await (await served.reader.get(f"/v1/recordings?limit=2&before={first['next']}")).json()
    assert ([one["n"] for one in second["recordings"]], second["next"]) == ([1], None)
    assert served.centre.filters[1] == RecordingFilter(before=(ENDED, 2), limit=2)


async def test_audio_is_sent_whole_and_by_range(served: Served) -> None:
    whole = await served.admin.get(AUDIO)
    assert (whole.status, whole.headers["Content-Type"]) == (HTTPStatus.OK, "audio/wav")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{ENDED}-1.wav"'
    data = await whole.read()
    assert len(data) == 1028
    part = await served.admin.get(AUDIO, headers={"Range": "bytes=4-7"})
    assert (part.status, await part.read()) == (HTTPStatus.PARTIAL_CONTENT, data[4:8])


@pytest.mark.parametrize("wanted", ["bytes=1028-", "bytes=5000-6000", "bytes=7-4", "seconds=1-2"])
async def test_range_that_there_is_not_is_refused_with_the_length(served: Served, wanted: str) -> None:
    response = await served.admin.get(AUDIO, headers={"Range": wanted})
    assert response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert response.headers["Content-Range"] == "bytes */1028"
    assert (await response.json())["error"]["field"] == "Range"


async def test_condition_goes_before_the_range(served: Served) -> None:
    etag = (await served.admin.get(AUDIO)).headers["ETag"]
    for header, status in (("If-None-Match", HTTPStatus.NOT_MODIFIED), ("If-Match", HTTPStatus.PRECONDITION_FAILED)):
        tag = etag if header == "If-None-Match" else '"another"'
        response = await served.admin.get(AUDIO, headers={"Range": "bytes=5000-", header: tag})
        assert (response.status, await response.read()) == (status, b"")


async def test_audio_needs_the_right_to_listen(served: Served) -> None:
    assert (await served.operator.get(AUDIO)).status == HTTPStatus.FORBIDDEN


async def test_audio_that_is_gone_or_unknown_is_404(served: Served) -> None:
    (served.centre.recordings_directory / served.centre.recording_rows[0].path).unlink()
    response = await served.admin.get(AUDIO)
    assert (await response.json())["error"]["code"] == "recording_gone"
    response = await served.admin.get(f"/v1/recordings/{ENDED}/2/audio")
    assert (await response.json())["error"]["code"] == "unknown_recording"


async def test_nothing_outside_of_the_recordings_directory_is_sent(served: Served, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"private")
    link = served.centre.recordings_directory / "link.wav"
    link.symlink_to(secret)
    for path in ("../secret.wav", str(secret), "link.wav", "2026", "2026/../../secret.wav"):
        served.centre.recording_rows = [recording_of(ENDED, path)]
        response = await served.admin.get(AUDIO)
        assert (response.status, b"private" in await response.read()) == (HTTPStatus.NOT_FOUND, False)


async def test_withheld_number_is_read_by_the_right_admin_only(served: Served) -> None:
    served.centre.traces = {ENDED: TraceRow(ENDED, MORNING, "+8613800138000")}
    path = f"/v1/history/{ENDED}/trace"
    assert (await served.reader.get(path)).status == HTTPStatus.FORBIDDEN
    assert (await served.operator.get(path)).status == HTTPStatus.FORBIDDEN
    answer = await served.admin.get(path)
    assert (answer.status, (await answer.json())["number"]) == (HTTPStatus.OK, "+8613800138000")
    for shown in ("/v1/history", f"/v1/history/{ENDED}"):
        assert "13800138000" not in await (await served.admin.get(shown)).text()


async def test_each_reading_of_a_withheld_number_is_logged_with_the_key_also_where_only_warnings_are(
    served: Served,
) -> None:
    served.centre.traces = {ENDED: TraceRow(ENDED, MORNING, "+8613800138000")}
    with capture_logs() as lines:
        await served.admin.get(f"/v1/history/{ENDED}/trace")
        await served.reader.get(f"/v1/history/{ENDED}/trace")
    read = [(line["log_level"], line["call"], line["by"]) for line in lines if line["event"] == "number_traced"]
    assert read == [("warning", ENDED, "admin-client")]
    assert "13800138000" not in str(lines)


async def test_call_that_withheld_nothing_has_nothing_to_trace(served: Served) -> None:
    assert (await served.admin.get("/v1/history/20261121T080000000-000001/trace")).status == HTTPStatus.NOT_FOUND
