"""A race between people at telephones, played twice in a whole call centre on virtual time; its result is text.

    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        ...

    one = played(race)
    assert one.ladder == ["  0.000 caller > acd: INVITE sdp", ...]

Both runs must give the same bytes on the wire and the same rows. When a run ends, every call must be over and whatever
a call can hold must have been given back (`tests.calls.call_centre.opened`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import looptime
from tests.calls.call_centre import EXCHANGE, OURS, CallCentre, Plan, opened, told

from acdcore.kernel.address import Address
from acdcore.sip.ladder import LadderMessage, header_value, label

Race = Callable[[CallCentre], Awaitable[None]]
"""What people do; its own assertions are about moments, the ladder about the whole."""
CALLERS = ("caller", "other", "third", "fourth")
"""What phones behind the carrier are called, in the order in which they were made."""
ASIDE = ("REGISTER", "OPTIONS")
"""Methods that are no part of any call."""

SAME_TURN_S = 1e-10
"""So much sooner or later that the loop comes to both in one turn, in this order."""
ANSWERED = [
    "  0.000 caller > acd: INVITE sdp",
    "  0.001 acd > caller: 100 Trying (INVITE)",
    "  0.001 acd > caller: 200 OK (INVITE) sdp",
    "  0.002 caller > acd: ACK",
]
"""How every first call begins."""
RUNG = [
    "  0.003 acd > 1001: INVITE sdp",
    "  0.004 1001 > acd: 100 Trying (INVITE)",
    "  0.004 1001 > acd: 180 Ringing (INVITE)",
]
"""And how it goes on where agent 1001 is ready."""
QUEUED = [
    "  0.0 arrived 95501",
    "  0.0 answered service",
    "  0.0 flow_entered service.service",
    "  0.0 queued service",
]
"""How the history of a call to the service queue begins."""
WORK_RUNG = [
    "  0.000 acd > 1001: INVITE sdp",
    "  0.001 1001 > acd: 100 Trying (INVITE)",
    "  0.001 1001 > acd: 180 Ringing (INVITE)",
]
"""How a callback begins where an agent is ready."""
WORK_BEGUN = [
    "  0.0 arrived +8613900000009",
    "  0.0 work_begun W20260302T080000100-000001 callback",
    "  0.0 queued service",
    "  0.0 offered 1001 service",
]
"""How its history begins."""


@dataclass(frozen=True)
class Played:
    """One run of a race."""

    ladder: list[str]
    """Who sent what to whom when: `  5.001 acd > 1001: CANCEL`, with `x` for `>` when it was lost on the way. Seconds
    since the first message of a call."""
    histories: list[list[str]]
    """The history of each call, in the order of arrival; seconds since that call's arrival."""
    queue_visits: list[str]
    """What the figures count, in the order in which the visits ended: `service answered 1001`."""
    sent: list[bytes]
    """Every message as it went out."""

    @property
    def arrived(self) -> list[str]:
        """The ladder without what was lost."""
        return [line for line in self.ladder if " x " not in line]


def played(race: Race, plan: Plan | None = None) -> Played:
    """Play it twice, each time on a new loop whose time begins at 0; the same must have happened."""
    once, again = _play(race, plan), _play(race, plan)
    assert once == again
    return once


def ladder(centre: CallCentre) -> list[str]:
    """All messages of calls so far."""
    names = _names(centre)
    seen = [one for one in centre.cable.seen if header_value(one.data, "CSeq").rpartition(" ")[2] not in ASIDE]
    return [_line(one, one.at - seen[0].at, names) for one in seen]


def _play(race: Race, plan: Plan | None) -> Played:
    centres: list[CallCentre] = []

    async def run() -> None:
        async with opened(plan) as centre:
            centres.append(centre)
            await race(centre)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(run())
    (centre,) = centres
    history = centre.history
    return Played(
        ladder=ladder(centre),
        histories=[told(history, call) for call in sorted({call for call, _ in history.call_events})],
        queue_visits=[f"{row.queue} {row.how} {row.agent or ''}".strip() for row in history.queue_visit_rows.values()],
        sent=[one.data for one in centre.cable.seen],
    )


def _names(centre: CallCentre) -> dict[Address, str]:
    outside = [phone.address for phone in centre.phones if phone.address.host.startswith("198.51.100.")]
    callers = [address for address in outside if address != EXCHANGE]
    return {
        **{phone.address: phone.number for phone in centre.phones},
        **dict(zip(callers, CALLERS, strict=False)),
        EXCHANGE: "carrier",
        OURS: "acd",
    }


def _line(one: LadderMessage, at: float, names: dict[Address, str]) -> str:
    tip = "x" if one.is_lost else ">"
    return f"{at:7.3f} {names[one.sender]} {tip} {names[one.receiver]}: {label(one.data)}"
