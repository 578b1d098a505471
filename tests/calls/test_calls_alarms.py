"""What an alarm sums up stands one by one in the log: each call whose recording or work item was lost is named."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs
from tests.calls.call_centre import SERVICE, opened

from acdcore.calls.queueing.callback_scheduler import WORK_REFUSED
from acdcore.calls.recording import RECORDING_FAILED, RECORDING_OFF
from acdcore.kernel.ids import CallId
from acdcore.recording.events import DiskAlarm, RecordingFailed, RecordingPath
from acdcore.work.model import WorkId, WorkItem, WorkKind

pytestmark = pytest.mark.looptime

DAY = datetime(2026, 11, 21, tzinfo=UTC)


async def test_each_work_item_that_is_not_taken_is_logged_with_its_call() -> None:
    async with opened() as centre:
        with capture_logs() as lines:
            for call in ("c1", "c2"):
                item = WorkItem(WorkId(f"w-{call}"), WorkKind.CALLBACK, SERVICE, "", DAY, call_id=CallId(call))
                centre.context.callback_scheduler.request_or_alarm(item)  # a callback without a number
        assert [line["call"] for line in lines if line["event"] == "work_refused"] == ["c1", "c2"]
        assert [(alarm.kind, alarm.times) for alarm in centre.context.event_log.alarms.raised()] == [(WORK_REFUSED, 2)]


async def test_each_recording_that_fails_is_logged_under_the_alarm_of_the_disk_too() -> None:
    async with opened() as centre:
        recorder = centre.context.recorder
        with capture_logs() as lines:
            recorder.on_event(RecordingFailed(1, RecordingPath("a.wav"), "no audio came", 0.0, 0))
            recorder.on_event(DiskAlarm(is_raised=True, free_bytes=0, reason="disk full"))
            recorder.on_event(RecordingFailed(2, RecordingPath("b.wav"), "the disk alarm is raised", 0.0, 0))
        assert [line["path"] for line in lines if line["event"] == "recording_failed"] == ["a.wav", "b.wav"]
        raised = [(alarm.kind, alarm.times) for alarm in centre.context.event_log.alarms.raised()]
        assert raised == [(RECORDING_FAILED, 1), (RECORDING_OFF, 1)]
