"""Recordings: each talk a stereo WAV file, caller left and agent right.

`writer.RecordingWriter` turns the media engine's blocks into files; `index.repair_all` repairs at the start what a
crash left; `retention.plan` says what may be deleted.
"""

from acdcore.recording.events import DiskAlarm, RecordingCompleted, RecordingEvent, RecordingFailed, RecordingPath
from acdcore.recording.names import located, recording_path
from acdcore.recording.settings import RecordingSettings
from acdcore.recording.writer import BlockSource, RecordingWriter, WriterFigures

__all__ = [
    "BlockSource",
    "DiskAlarm",
    "RecordingCompleted",
    "RecordingEvent",
    "RecordingFailed",
    "RecordingPath",
    "RecordingSettings",
    "RecordingWriter",
    "WriterFigures",
    "located",
    "recording_path",
]
