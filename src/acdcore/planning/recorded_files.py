"""A day of the journal's files as a source of days; `recorded` does the work."""

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from acdcore.planning.recorded import DayRecorder, PresentAgent, RecordedDay
from acdcore.queues.agent import CONTACTS
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal import lines as journal
from acdcore.queues.journal.lines import JournalSegment, JournalTurn
from acdcore.storage.journal.files import lines


def recording(files: Sequence[Path], zone: tzinfo) -> RecordedDay:
    """The day recorded in these files, given in order; `zone` says where the day's midnight is.

    Raises StateError for a file that is no journal, `OSError`, and ValueError when there is no turn.
    """
    recorder = DayRecorder(zone)
    for path in files:
        segment = journal.open_segment(lines(path))
        recorder.begin(segment.header.began_wall, segment.header.settings, _present(segment))
        for record in segment.rest:
            if isinstance(record, JournalTurn):
                recorder.read(segment.header.wall(record.at), record.event, record.decisions())
    return recorder.recording()


def _present(segment: JournalSegment) -> list[PresentAgent]:
    """Agents who were logged in when the segment began."""
    agents = checkpoint.dump(segment.dispatcher).agents
    return [
        PresentAgent(agent.settings, agent.not_ready_reason is None or agent.state in CONTACTS)
        for agent in agents
        if agent.is_logged_in
    ]
