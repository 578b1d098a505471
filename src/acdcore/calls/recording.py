"""Recordings of calls: connects a tap of the engine with a file of the writer and the call's records."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import Leg
from acdcore.calls.model.rows import RecordingRow
from acdcore.calls.record.event_log import CallEventLog
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.media.engine import Engine
from acdcore.media.model import SpeechFigures, TapId
from acdcore.recording.events import (
    DiskAlarm,
    RecordingCompleted,
    RecordingDropped,
    RecordingEvent,
    RecordingFailed,
    RecordingPath,
)
from acdcore.recording.names import recording_path
from acdcore.recording.settings import RecordingSettings
from acdcore.recording.wav import RATE_HZ
from acdcore.recording.writer import RecordingWriter

RECORDING_OFF = AlarmKind(
    "recording_off",
    Severity.MAJOR,
    "Make room on the disk of [recording] directory, or let the daemon's user write there.",
)
"""No talk is recorded: the disk is full or has failed."""
RECORDING_FAILED = AlarmKind(
    "recording_failed",
    Severity.MINOR,
    "Look at the file and its directory; the log names each (recording_failed).",
    3_600.0,
)
"""One talk is not recorded, or only its beginning."""


@dataclass(frozen=True, slots=True)
class Label:
    """Facts of a running recording, for its row."""

    call_id: CallId
    number: int
    agent: AgentId | None
    queue: QueueName | None
    caller: str
    started_at: float


class CallRecorder:
    """Starts and ends recordings; a row is written when the file is complete."""

    def __init__(
        self,
        engine: Engine,
        writer: RecordingWriter | None,
        event_log: CallEventLog,
        clock: Clock,
        settings: RecordingSettings = RecordingSettings(),  # noqa: B008 - frozen
    ) -> None:
        """Without a `writer` nothing is recorded."""
        self.settings = settings
        self._engine = engine
        self._writer = writer
        self._event_log = event_log
        self._clock = clock
        self._labels: dict[int, Label] = {}
        self._running: set[TapId] = set()
        """Taps of recordings that run."""
        self.alarm: DiskAlarm | None = None
        self._log = structlog.get_logger("recording")

    @property
    def running(self) -> int:
        """Recordings whose files are not complete yet."""
        return len(self._labels)

    def path_for(self, call: Call) -> str:
        """The path of the call's next recording; empty when recording is off or impossible now."""
        if self._writer is None or self.alarm is not None:
            return ""
        return recording_path(call.id, call.recordings + 1, self._clock.wall())

    def file(self, path: str) -> Path | None:
        """The file of a recording by its path below the directory; None when there is none."""
        return self.settings.directory / path if path else None

    def begin(self, call: Call, left: Leg, right: Leg, path: str) -> TapId | None:
        """Record a talk until `end` or until the call's resources are given back; None: it is not recorded."""
        if self._writer is None or not path:
            return None
        has_prompts = self.settings.announcements
        tap = self._begun(call, self._engine.tap(left.stream, right.stream, has_prompts=has_prompts), path)
        call.resources.callback(self.end, tap)
        return tap

    def begin_message(self, call: Call, caller: Leg, path: str, silence_s: float) -> TapId | None:
        """Record the caller alone, until `end`; `Leg.on_speech_ended` is called after `silence_s` without speech."""
        if self._writer is None or not path:
            return None
        return self._begun(call, self._engine.tap(caller.stream, hush_s=silence_s), path)

    def _begun(self, call: Call, tap: TapId, path: str) -> TapId:
        assert self._writer is not None, "the caller has just checked it"
        call.recordings += 1
        view = call.view
        self._labels[tap] = Label(call.id, call.recordings, view.agent, view.queue, view.caller, self._clock.now())
        self._running.add(tap)
        self._writer.begin(tap, RecordingPath(path))
        return tap

    def speech(self, tap: TapId) -> SpeechFigures:
        """The speech found so far in a message that is being recorded."""
        return self._engine.speech(tap)

    def end(self, tap: TapId, keep_s: float | None = None, skip_s: float = 0.0) -> None:
        """End a recording; the file is completed with the part that is kept.

        Without effect the second time.
        """
        if tap in self._running:
            self._running.discard(tap)
            if skip_s > 0 and self._writer is not None:
                self._writer.skip(tap, round(skip_s * RATE_HZ))
            self._engine.untap(tap, keep_s=keep_s)

    def drop(self, tap: TapId) -> None:
        """End a recording and delete its file."""
        self.end(tap, keep_s=0.0)

    def on_event(self, event: RecordingEvent) -> None:
        """Take an event of the writer; runs on the event loop."""
        match event:
            case RecordingCompleted(tap, path, duration_s, size_bytes, skipped_s):
                self._write_down(tap, path, duration_s, size_bytes, skipped_s)
            case RecordingFailed(tap, path, reason, duration_s, size_bytes):
                self._log.warning("recording_failed", path=path, reason=reason, duration_s=duration_s)
                if self.alarm is None:  # for a full disk one alarm is enough for all recordings
                    self._event_log.alarms.raise_alarm(RECORDING_FAILED, f"{path}: {reason}")
                if duration_s > 0:
                    self._write_down(tap, path, duration_s, size_bytes)
                else:
                    self._labels.pop(tap, None)
            case RecordingDropped(tap):
                self._labels.pop(tap, None)
            case DiskAlarm():
                self.alarm = event if event.is_raised else None
                self._event_log.alarms.hold(RECORDING_OFF, event.reason if event.is_raised else "")

    def _write_down(self, tap: int, path: str, duration_s: float, size_bytes: int, skipped_s: float = 0.0) -> None:
        label = self._labels.pop(tap, None)
        if label is None:
            return
        row = RecordingRow(
            label.call_id,
            label.number,
            path,
            self._event_log.time.at(label.started_at + skipped_s),
            duration_s,
            size_bytes,
            label.agent,
            label.queue,
            label.caller,
        )
        self._event_log.recording(row)
