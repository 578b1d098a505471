"""The phones of one agent that are rung for one call, until one is answered: forking as RFC 3261 section 16.7 has it.

Rules of the table, which holds for each phone by itself:

- A row is (state, input) -> (next state, actions). What is not in the table has no effect: it crossed something.
- Phones of the same `q` are called together, those of a lower one when all phones called before are lost, or when
  their share of the ringing time is over; then the others ring on (section 16.6 leaves both to us).
- The first answer takes the call and closes all other phones. A 6xx declines for all of them (section 16.7 step 5).
- Any other refusal, and silence for `REACTION_S`, loses that phone only; the last one lost ends the ringing with the
  status that says most about the agent (`LOSS_REASONS`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

PHONES_MAX: Final = 8
"""Called for one offer; as many as the registrar keeps of one user."""
REACTION_S: Final = 4.0
"""A phone that has sent no response but 100 after so many seconds is unreachable; RFC 3261's timer would take 32 s."""
SHARE_MIN_S: Final = 3.0
"""Phones of one `q` ring at least so many seconds before those of a lower one: nobody answers before the first ring."""
SILENT: Final = 408
"""The status that counts for a phone that sent nothing."""


class PhoneState(StrEnum):
    """The state of one phone."""

    WAITING = "waiting"
    """Of a lower `q`: not called yet."""
    CALLED = "called"
    """INVITE sent, nothing heard."""
    RINGING = "ringing"
    """It sent a provisional response."""
    LOST = "lost"
    """It refused, or did not respond in time."""
    TAKEN = "taken"
    """It was answered, and has the call."""
    CLOSED = "closed"
    """Released: another phone was answered or declined for all, or the call was withdrawn."""


class PhoneInput(StrEnum):
    """An input of the table."""

    TURN = "its turn"
    PROGRESS = "101-199"
    ANSWERED = "2xx"
    REFUSED = "300-599"
    DECLINED = "6xx"
    SILENCE = "silence"
    CLOSE = "closed"


class PhoneAction(StrEnum):
    """An action of the table."""

    CALL = "send INVITE"
    GIVE_UP = "hang up on it"
    TELL_RINGING = "tell that a phone rings"
    TELL_ANSWERED = "close all others and tell that it was answered"
    COUNT_LOSS = "the last one lost ends the ringing"
    DECLINE = "close all others and end the ringing"


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """One row of the table."""

    state: PhoneState
    """The next state."""
    actions: tuple[PhoneAction, ...] = ()
    """In the order in which they are carried out."""


_S, _I, _A = PhoneState, PhoneInput, PhoneAction
_LOST = PhoneRow(_S.LOST, (_A.COUNT_LOSS,))
_TAKEN = PhoneRow(_S.TAKEN, (_A.TELL_ANSWERED,))
_DECLINED = PhoneRow(_S.LOST, (_A.DECLINE,))
_GIVEN_UP = PhoneRow(_S.CLOSED, (_A.GIVE_UP,))

TABLE: Mapping[tuple[PhoneState, PhoneInput], PhoneRow] = {
    (_S.WAITING, _I.TURN): PhoneRow(_S.CALLED, (_A.CALL,)),
    (_S.WAITING, _I.CLOSE): PhoneRow(_S.CLOSED),
    (_S.CALLED, _I.PROGRESS): PhoneRow(_S.RINGING, (_A.TELL_RINGING,)),
    (_S.CALLED, _I.ANSWERED): _TAKEN,
    (_S.CALLED, _I.REFUSED): _LOST,
    (_S.CALLED, _I.DECLINED): _DECLINED,
    (_S.CALLED, _I.SILENCE): PhoneRow(_S.LOST, (_A.GIVE_UP, _A.COUNT_LOSS)),
    (_S.CALLED, _I.CLOSE): _GIVEN_UP,
    (_S.RINGING, _I.PROGRESS): PhoneRow(_S.RINGING, (_A.TELL_RINGING,)),
    (_S.RINGING, _I.ANSWERED): _TAKEN,
    (_S.RINGING, _I.REFUSED): _LOST,
    (_S.RINGING, _I.DECLINED): _DECLINED,
    (_S.RINGING, _I.CLOSE): _GIVEN_UP,
}

_GONE: Final = frozenset({SILENT, 404, 410, 430, 480, 503})
"""Statuses of phones that are not there, or that a proxy could not reach (430: RFC 5626 section 11.7)."""


class LossReason(StrEnum):
    """What a lost phone says about its agent. The first in this order counts: a dead phone after one that responded."""

    DECLINED = "declined"
    BUSY = "busy"
    FAILED = "failed"
    GONE = "gone"


LOSS_REASONS: Final = tuple(LossReason)
"""The order in which one status is chosen for all phones."""


def loss_reason(status: int) -> LossReason:
    """The reason that a final status stands for."""
    if status >= 600 or status == 403:
        return LossReason.DECLINED
    if status == 486:
        return LossReason.BUSY
    return LossReason.GONE if status in _GONE else LossReason.FAILED


class GiveUpReason(StrEnum):
    """Why a phone is given up."""

    WITHDRAWN = "withdrawn"
    SILENT = "silent"
    ANSWERED_ELSEWHERE = "answered elsewhere"
    DECLINED_ELSEWHERE = "declined elsewhere"


@dataclass(frozen=True, slots=True)
class SendInvite:
    """Send the INVITE to this phone."""

    phone: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Hang up on this phone; nothing that it sends counts any more."""

    phone: int
    why: GiveUpReason


@dataclass(frozen=True, slots=True)
class PhoneRings:
    """A phone sent a provisional response."""

    phone: int
    status: int


@dataclass(frozen=True, slots=True)
class PhoneTaken:
    """This phone was answered, the others are given up."""

    phone: int


@dataclass(frozen=True, slots=True)
class AllLost:
    """No phone is left: the final status for all of them, and its reason phrase."""

    status: int
    reason: str


ForkOutput = SendInvite | GiveUp | PhoneRings | PhoneTaken | AllLost


class Forking:
    """The phones of one offer; a phone is named by its index in `preferences`."""

    def __init__(self, preferences: Sequence[float], ring_for_s: float) -> None:
        """`preferences` are the phones' `q`, highest first; groups of different `q` share `ring_for_s` (seconds)."""
        chosen = enumerate(preferences[:PHONES_MAX])
        self._groups = [[place for place, _ in group] for _, group in groupby(chosen, key=lambda one: one[1])]
        self._states = dict.fromkeys((place for group in self._groups for place in group), _S.WAITING)
        self._silent_at: dict[int, float] = {}
        self._losses: list[tuple[int, str]] = []
        self._ring_for_s = ring_for_s
        self._ends_at = 0.0
        self._next_at: float | None = None
        """When the next group is called at the latest; None when there is no further group."""

    def state(self, phone: int) -> PhoneState:
        """The state of a phone."""
        return self._states[phone]

    @property
    def is_over(self) -> bool:
        """Whether the ringing is over: no phone waits, is called or rings."""
        return not any(state in _OPEN for state in self._states.values())

    def start(self, now: float) -> list[ForkOutput]:
        """Call the most preferred phones."""
        self._ends_at = now + self._ring_for_s
        return self._call_next(now)

    def progress(self, phone: int, status: int) -> list[ForkOutput]:
        """A provisional response other than 100."""
        return self._step(phone, _I.PROGRESS, (status, ""))

    def answered(self, phone: int) -> list[ForkOutput]:
        """A phone was answered."""
        return self._step(phone, _I.ANSWERED, (200, ""))

    def refused(self, phone: int, status: int, reason: str, now: float) -> list[ForkOutput]:
        """A final response above 299, 408 for silence, 503 for a failed transport."""
        out = self._step(phone, _I.DECLINED if status >= 600 else _I.REFUSED, (status, reason))
        return out + self._go_on(now)

    def withdraw(self) -> list[ForkOutput]:
        """Give up all phones; no output follows."""
        return self._close_all(GiveUpReason.WITHDRAWN)

    def next_deadline(self) -> float | None:
        """When `handle_deadline` is to be called; None when there is no timer."""
        moments = [*self._silent_at.values(), *([] if self._next_at is None else [self._next_at])]
        return min(moments, default=None)

    def handle_deadline(self, now: float) -> list[ForkOutput]:
        """Lose the phones that were silent for too long, and call the next ones when it is time."""
        out: list[ForkOutput] = []
        for phone in [phone for phone, at in self._silent_at.items() if at <= now]:
            out += self._step(phone, _I.SILENCE, (SILENT, ""))
        out += self._go_on(now)
        if self._next_at is not None and self._next_at <= now:
            out += self._call_next(now)
        return out

    # --- within ---

    def _go_on(self, now: float) -> list[ForkOutput]:
        """No phone is called or rings any more: call the next group."""
        is_idle = not any(state in (_S.CALLED, _S.RINGING, _S.TAKEN) for state in self._states.values())
        return self._call_next(now) if is_idle else []

    def _call_next(self, now: float) -> list[ForkOutput]:
        waiting = [group for group in self._groups if self._states[group[0]] is _S.WAITING]
        if not waiting:
            return []
        share_s = max(SHARE_MIN_S, (self._ends_at - now) / len(waiting))
        self._next_at = now + share_s if len(waiting) > 1 else None
        out: list[ForkOutput] = []
        for phone in waiting[0]:
            self._silent_at[phone] = now + REACTION_S
            out += self._step(phone, _I.TURN, (0, ""))
        return out

    def _step(self, phone: int, stimulus: PhoneInput, response: tuple[int, str]) -> list[ForkOutput]:
        row = TABLE.get((self._states[phone], stimulus))
        if row is None:
            return []
        self._states[phone] = row.state
        if row.state is not _S.CALLED:
            self._silent_at.pop(phone, None)
        out: list[ForkOutput] = []
        for action in row.actions:
            out += self._do(phone, action, response)
        return out

    def _do(self, phone: int, action: PhoneAction, response: tuple[int, str]) -> list[ForkOutput]:
        match action:
            case PhoneAction.CALL:
                return [SendInvite(phone)]
            case PhoneAction.GIVE_UP:
                return [GiveUp(phone, GiveUpReason.SILENT)]
            case PhoneAction.TELL_RINGING:
                return [PhoneRings(phone, response[0])]
            case PhoneAction.TELL_ANSWERED:
                return [*self._close_all(GiveUpReason.ANSWERED_ELSEWHERE), PhoneTaken(phone)]
            case PhoneAction.DECLINE:
                return [*self._close_all(GiveUpReason.DECLINED_ELSEWHERE), AllLost(*response)]
            case PhoneAction.COUNT_LOSS:
                self._losses.append(response)
                return [AllLost(*most_telling(self._losses))] if self.is_over else []

    def _close_all(self, why: GiveUpReason) -> list[ForkOutput]:
        self._next_at = None
        closed: list[ForkOutput] = []
        for phone, state in self._states.items():
            row = TABLE.get((state, _I.CLOSE))
            if row is not None:
                self._states[phone] = row.state
                self._silent_at.pop(phone, None)
                closed += [GiveUp(phone, why)] if _A.GIVE_UP in row.actions else []
        return closed


_OPEN: Final = frozenset({_S.WAITING, _S.CALLED, _S.RINGING})


def most_telling(losses: Iterable[tuple[int, str]]) -> tuple[int, str]:
    """One final status for all phones, and its reason phrase (section 16.7 step 6)."""
    return min(losses, key=lambda loss: LOSS_REASONS.index(loss_reason(loss[0])))
