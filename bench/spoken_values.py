"""Two hundred values as calls bring them, the same in each run: round and odd ones, small and large."""

import random
from dataclasses import dataclass
from enum import StrEnum

from acdcore.ivr.model.system_prompts import COUNT_MAX

SEED = 9
"""Other values would be as good; the same ones make runs comparable."""


class ValueKind(StrEnum):
    """What a value is to the caller."""

    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    TELEPHONE = "telephone"
    PLATE = "plate"
    """Read as text: letters cannot be typed, so that only a directory or a service brings them."""
    AGENT = "agent"
    POSITION = "position"
    WAIT = "wait"
    """Minutes."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it is written in a variable."""

    kind: ValueKind
    written: str


COUNTS = {
    ValueKind.NUMBER: 25,
    ValueKind.MONEY: 25,
    ValueKind.DATE: 20,
    ValueKind.TIME: 25,
    ValueKind.DURATION: 15,
    ValueKind.TELEPHONE: 30,
    ValueKind.PLATE: 15,
    ValueKind.AGENT: 10,
    ValueKind.POSITION: COUNT_MAX,
    ValueKind.WAIT: 15,
}
"""Two hundred together."""
ODD_ONES = {
    ValueKind.NUMBER: ("0", "2", "10", "12", "20", "100", "105", "110", "200", "1001", "10050", "20002", "-3", "3.5"),
    ValueKind.MONEY: ("2", "0.05", "0.5", "128.05", "128.5", "1000", "99.99 HKD", "USD 3", "USD 1.01", "12000.4"),
    ValueKind.DATE: ("2026-01-01", "2026-10-01", "2026-12-31", "2000-02-29", "2027-05-04"),
    ValueKind.TIME: ("00:05", "09:00", "12:00", "12:30", "15:05", "19:45", "23:59", "6:10"),
    ValueKind.DURATION: ("2", "60", "90", "185", "3600", "7325", "86400"),
    ValueKind.TELEPHONE: ("13800138000", "95500", "02155500000", "075526331234", "4008001234"),
    ValueKind.PLATE: ("粤B12345", "京A88888", "沪C0T1P9"),
    ValueKind.AGENT: ("1001", "1002", "2077", "8000"),
    ValueKind.POSITION: tuple(str(place) for place in range(1, COUNT_MAX + 1)),
    ValueKind.WAIT: ("1", "2", "3", "5", "10", "12", "15", "20", "30", "45", "60"),
}
"""Those that rules of reading were made for; chance fills up the rest."""


def values() -> tuple[Value, ...]:
    """All two hundred, kind by kind."""
    chance = random.Random(SEED)
    return tuple(Value(kind, written) for kind in ValueKind for written in _row(kind, chance))


def _row(kind: ValueKind, chance: random.Random) -> list[str]:
    odd_ones = ODD_ONES[kind]
    return [*odd_ones, *(_by_chance(kind, chance) for _ in range(COUNTS[kind] - len(odd_ones)))]


def _by_chance(kind: ValueKind, chance: random.Random) -> str:
    match kind:
        case ValueKind.NUMBER:
            return str(chance.randrange(10 ** chance.randint(2, 7)))
        case ValueKind.MONEY:
            return f"{chance.randrange(1, 500_000) / 100:.2f}"
        case ValueKind.DATE:
            return f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        case ValueKind.TIME:
            return f"{chance.randrange(24):02}:{chance.randrange(60):02}"
        case ValueKind.DURATION:
            return str(chance.randrange(30, 20_000))
        case ValueKind.TELEPHONE:
            return f"1{chance.randrange(3 * 10**9, 10**10)}"
        case ValueKind.PLATE:
            return f"{chance.choice('京沪粤苏浙')}{chance.choice('ABCDEF')}{chance.randrange(10**4, 10**5)}"
        case ValueKind.AGENT:
            return str(chance.randrange(1000, 10_000))
        case ValueKind.POSITION:
            return str(chance.randint(1, COUNT_MAX))
        case ValueKind.WAIT:
            return str(chance.randint(1, 60))
