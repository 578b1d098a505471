"""A caller's message: recorded on the line, handed on as work, and kept when the caller hangs up in the middle."""

from dataclasses import replace

from acdcore.calls import events
from acdcore.calls.call import Call
from acdcore.calls.dialling import number_to_call
from acdcore.calls.hall import Hall
from acdcore.calls.leg import Leg
from acdcore.ivr.steps import FileMessage
from acdcore.media.model import TapId
from acdcore.work.model import WorkKind


class Messages:
    """What the caller of one call records in one flow, recording by recording."""

    def __init__(self, call: Call, hall: Hall) -> None:
        self._call = call
        self._hall = hall
        self._paths: dict[int, str] = {}
        self._tap: TapId | None = None
        self._began_at: float | None = None

    def begin(self, recording: int, caller: Leg) -> None:
        """Record the caller alone from now on."""
        hall, call = self._hall, self._call
        path = self._paths[recording] = hall.recorder.path_for(call)
        self._tap = hall.recorder.begin(call, caller, None, path)
        self._began_at = hall.clock.now()
        call.log(events.MessageBegun(self._began_at, path))

    def stop(self) -> float:
        """End the recording; its length in seconds, 0 when none runs or nothing is recorded at all."""
        if self._began_at is None or self._tap is None:
            self._began_at = None
            return 0.0
        self._hall.recorder.end(self._tap)
        length_s = self._hall.clock.now() - self._began_at
        self._tap = self._began_at = None
        return length_s

    def file(self, wanted: FileMessage) -> None:
        """Hand the message on; without a recording it is still somebody who wants to be called."""
        call, workbench = self._call, self._hall.workbench
        number, subject = wanted.number, wanted.subject
        if number:
            number = number_to_call(call, self._hall, number)
            if not number:  # the agent reads it; it is not dialled
                subject = f"{subject} (number given: {wanted.number})".strip()
        item = replace(
            workbench.item_for(call, WorkKind.VOICEMAIL, wanted.queue, number),
            subject=subject,
            is_reply_wanted=wanted.is_reply_wanted and wanted.number != "",
            recording=self._paths.get(wanted.recording, ""),
        )
        call.log(events.MessageLeft(self._hall.clock.now(), item.id, item.queue))
        workbench.feed_request(item)
