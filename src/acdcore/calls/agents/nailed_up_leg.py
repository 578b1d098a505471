"""Nailed-up legs: an agent's call that stays up between talks, and is lent to one served call after another."""

from collections.abc import Sequence
from dataclasses import replace

from acdcore.calls.core.call import Call
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.leg import HoldChanged, HungUp, Leg, LegListener, LegNote, PickedUp, Played, Pressed, Side
from acdcore.calls.model.rows import EndedBy
from acdcore.kernel.errors import Outcome, Unavailable
from acdcore.kernel.ids import AgentId
from acdcore.media.model import ClipId, StreamFigures
from acdcore.sip.events import EndCause

PART_KEY = "*"
"""The key by which the agent ends a talk: hanging up would end the nailed-up leg."""


class LentLeg(Leg):
    """A nailed-up leg as a party of another call: its session and stream are the lender's, while it is lent.

    To close it or to hang it up gives the nailed-up leg back, silent and not bridged; after that it has no effect. The
    lender's leg still does what the protocols ask, and passes its notes on to the borrower.
    """

    def __init__(self, owner: Call, borrower: LegListener, event_router: EventRouter) -> None:
        # Not by the base class, which would open a stream of its own.
        lender = owner.the_caller()
        self.side = Side.AGENT
        self.capacity = None
        self.session = lender.session
        self.stream = lender.stream
        self.is_held = lender.is_held
        self.is_answered = True
        self.ended_by = None
        self.phone = lender.phone
        self._ringing = None
        self._owner = owner
        self._lender = lender
        self._event_router = event_router
        self._listener = borrower
        self._media = None
        self._is_open = True
        self._alert: tuple[ClipId, ...] = ()
        self._playing: tuple[int, int | None] = (0, None)
        """The number of the playback on the nailed-up leg, which outlives the lent leg, and the borrower's number."""
        self._was_held = lender.is_held
        lender.tell(self)

    @property
    def is_open(self) -> bool:
        """Whether the leg has not been given back."""
        return self._is_open

    def alert(self, clips: tuple[ClipId, ...]) -> None:
        """Play `clips` at once; whatever is to be played meanwhile comes after them."""
        self._begin(clips, None, over_music=False)
        self._alert = clips

    def play(self, clips: Sequence[ClipId], playback: int, *, over_music: bool = False) -> None:
        """As `Leg.play`, after an alert that still plays."""
        if self._is_open:
            self._begin((*self._alert, *clips), playback, over_music=over_music)

    def stop_playing(self) -> None:
        """As any leg's."""
        if self._is_open:
            super().stop_playing()

    def set_music(self, clips: Sequence[ClipId]) -> None:
        """As any leg's."""
        if self._is_open:
            super().set_music(clips)

    def bridge(self, other: Leg) -> None:
        """As any leg's."""
        if self._is_open:
            super().bridge(other)

    def unbridge(self) -> None:
        """As any leg's."""
        if self._is_open:
            super().unbridge()

    def hang_up(self) -> None:
        """Give the leg back."""
        self.close()

    def close(self) -> StreamFigures | None:
        """Give the leg back as it was lent, but for a hold by the phone. The figures belong to the lender's leg."""
        if not self._is_open:
            return None
        self.stop_playing()
        self.unbridge()
        self.set_music(())
        self._is_open = False
        self.session = None
        self._lender.tell(self._owner)
        if self._lender.is_held is not self._was_held:
            self._owner.notify(HoldChanged(self._lender, self._lender.is_held))
        return None

    def recall(self, cause: EndCause) -> None:
        """Take the leg back; the borrower is notified that its party has hung up."""
        if self._is_open:
            self.close()
            self.ended_by = cause
            self._listener.notify(HungUp(self, cause))

    def notify(self, note: LegNote) -> None:
        """Pass a note on to the borrower. When the lender's leg has ended, the lent leg is taken back first."""
        match note:
            case HungUp(cause=cause):
                self.recall(cause)
                self._owner.notify(note)
            case Pressed(digit=digit) if digit == PART_KEY:
                self.recall(EndCause.BYE)
            case Played(playback=number):
                self._played(number)
            case HoldChanged(is_held=is_held):
                self.is_held = is_held
                self._listener.notify(replace(note, leg=self))
            case _:
                self._listener.notify(replace(note, leg=self))

    def _begin(self, clips: tuple[ClipId, ...], playback: int | None, *, over_music: bool) -> None:
        number = self._owner.next_playback()
        self._playing = number, playback
        super().play(clips, number, over_music=over_music)

    def _played(self, number: int) -> None:
        current, borrowers = self._playing
        if number != current:
            return  # a playback of an earlier borrower
        self._alert = ()
        if borrowers is not None:
            self._listener.notify(Played(self, borrowers))


class NailedUpLeg:
    """The nailed-up leg of one agent."""

    def __init__(self, call: Call, phone: AgentId, event_router: EventRouter) -> None:
        self.call = call
        """The call that the leg belongs to; it stays up between talks."""
        self.phone = phone
        """The user under which its phone is registered."""
        self._event_router = event_router
        self._lent: LentLeg | None = None

    @property
    def is_lent(self) -> bool:
        """Whether another call has it now."""
        return self._lent is not None and self._lent.is_open

    def lend(self, borrower: Call, alert: tuple[ClipId, ...]) -> Leg:
        """Make it a party of `borrower`, which is notified at once that it is picked up; `alert` is played on it.

        The resources of `borrower` hold the lent leg. Raises Unavailable when the leg is ending or lent already.
        """
        if self.is_lent or self.call.the_caller().session is None or self.call.ending is not None:
            raise Unavailable(f"the nailed-up leg at phone {self.phone} is not free")
        self._lent = lent = LentLeg(self.call, borrower, self._event_router)
        borrower.resources.callback(lent.close)
        lent.alert(alert)
        borrower.notify(PickedUp(lent))
        return lent

    def recall(self) -> None:
        """The call of the leg ends: the borrower is notified that its party has hung up."""
        if self._lent is not None:
            self._lent.recall(EndCause.BYE)

    def hang_up(self, why: str) -> None:
        """Begin to end the call."""
        self.call.end(Outcome.FEATURE_CODE, EndedBy.SYSTEM, why)
