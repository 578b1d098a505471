"""Voicemail: a message is recorded and becomes a work item, also when the caller hangs up while speaking."""

from dataclasses import replace

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import Leg
from acdcore.calls.model import history
from acdcore.calls.scripts.dial_out import number_to_call
from acdcore.ivr.flow.actions import FileMessage, Record
from acdcore.kernel.ids import QueueName
from acdcore.media.model import SpeechFigures, TapId
from acdcore.work.model import WorkKind

NEVER_S = 86_400.0
"""Seconds, longer than any message (ten minutes): the end of speech is then never reported."""
SPEECH_LEAST_S = 0.3
"""Seconds of speech; less is a cough or a click, and no message."""
LEAD_S = 0.4
"""Seconds kept before the first word, whose soft beginning is found late."""
TAIL_S = 0.6
"""Seconds kept after the last word, whose soft end is not found, above all over noise."""
NOISE_LEAST_S = 1.0
"""Seconds of loud sound without speech from which on a dropped message is called noise."""


class Messages:
    """The messages that the caller records in one flow."""

    def __init__(self, call: Call, context: CallContext) -> None:
        self._call = call
        self._context = context
        self._paths: dict[int, str] = {}
        self._tap: TapId | None = None
        self._began_at = 0.0
        self._least_s = 0.0
        self.recording = 0
        """The recording that runs; 0 when none does."""
        call.resources.callback(self.stop)  # after the flow's clean-up, which decides about a message cut short

    def may_be_left(self, queue: QueueName | None) -> bool:
        """Whether a message for the queue can be taken now; a refusal is logged."""
        context, call = self._context, self._call
        if not context.recorder.path_for(call):
            why = "no_recording"
        elif queue is not None and not context.callback_scheduler.has_room_for_message(queue):
            why = "full"
        else:
            return True
        call.log(history.VoicemailRefused(context.clock.now(), queue or "", why))
        return False

    def begin(self, wanted: Record, caller: Leg) -> None:
        """Record the caller alone from now on."""
        context, call = self._context, self._call
        path = self._paths[wanted.recording] = context.recorder.path_for(call)
        self.recording, self._least_s = wanted.recording, wanted.min_s
        self._tap = context.recorder.begin_message(call, caller, path, wanted.silence_s or NEVER_S)
        self._began_at = context.clock.now()
        call.log(history.MessageBegun(self._began_at, path))

    def stop(self) -> float:
        """End the recording; returns seconds from the first to the last word, 0 when there is no message.

        A recording without speech, or with too little, is deleted.
        """
        tap, recording = self._tap, self.recording
        self._tap, self.recording = None, 0
        if tap is None:
            return 0.0
        recorder, now = self._context.recorder, self._context.clock.now()
        speech = recorder.speech(tap)
        skip_s = max(0.0, speech.began_s - LEAD_S)
        kept_s = min(now - self._began_at, speech.ended_s + TAIL_S)
        length_s = kept_s - skip_s
        why = _flaw(speech, length_s, self._least_s)
        if why:
            recorder.drop(tap)
            self._call.log(history.MessageDropped(now, self._paths.pop(recording, ""), why))
            return 0.0
        recorder.end(tap, kept_s, skip_s)
        return length_s

    def file(self, wanted: FileMessage) -> None:
        """Request a work item for the message; without a recording it is a request for a call."""
        call, callback_scheduler = self._call, self._context.callback_scheduler
        number, subject = wanted.number, wanted.subject
        if number:
            number = number_to_call(call, self._context, number)
            if not number:  # for the agent to read; it is not dialled
                subject = f"{subject} (number given: {wanted.number})".strip()
        item = replace(
            callback_scheduler.item_for(call, WorkKind.VOICEMAIL, wanted.queue, number),
            subject=subject,
            is_reply_wanted=wanted.is_reply_wanted and wanted.number != "",
            recording=self._paths.get(wanted.recording, ""),
        )
        call.log(history.MessageLeft(self._context.clock.now(), item.id, item.queue))
        callback_scheduler.request_or_alarm(item)


def _flaw(speech: SpeechFigures, length_s: float, least_s: float) -> str:
    """Why a recording is no message; empty when it is one."""
    if speech.length_s >= SPEECH_LEAST_S:
        return "too_short" if length_s < least_s else ""
    return "noise" if speech.loud_s >= NOISE_LEAST_S else "no_speech"
