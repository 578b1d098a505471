"""The one writer of the floor: every change of an agent or a waiting caller is a turn of `Dispatcher.handle`."""

from acdcore.queues.model import DeadlinePassed, Decision, EntryId, Input
from acdcore.queues.settings import FloorSettings
from acdcore.queues.view import Explanation, FloorView


class Dispatcher:
    """Deterministic: the same inputs at the same times give the same decisions.

    Raises ValueError when `settings` do not pass `settings.validate`.
    """

    def __init__(self, settings: FloorSettings) -> None:
        self._settings = settings

    def handle(self, fed: Input, now: float) -> list[Decision]:
        """One turn; what does not fit comes back as `InputRefused` and changes nothing."""
        return []

    def handle_deadline(self, now: float) -> list[Decision]:
        """The turn of everything that is due; the same as handling `DeadlinePassed`."""
        return self.handle(DeadlinePassed(), now)

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called next; None: not before another input."""
        return None

    def snapshot(self, now: float) -> FloorView:
        """The whole floor, for displays."""
        return FloorView(now, (), ())

    def why(self, entry: EntryId, now: float) -> Explanation | None:
        """Why a caller still waits; None when no such caller waits."""
        return None
