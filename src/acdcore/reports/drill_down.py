"""Receipts: the stays that a figure or a count was counted from, found by the same rules as its value."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from acdcore.reports.formulas import DEFINITIONS, Count, Figure, Kind, Mean, Measure, Percentile, Share, counts_of
from acdcore.reports.grouping import Asked, Calendar, Group, classified
from acdcore.reports.queue_visits import KeptStay


class Item(NamedTuple):
    """A stay in a receipt."""

    call_id: str
    entry: str
    n: int
    seconds: float | None
    """What it adds to a mean, or its wait for a percentile; None for shares and counts."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one figure of one group was counted from."""

    formula: str
    counted: tuple[Item, ...]
    """The numerator; for a percentile the stays that did not wait longer."""
    over: tuple[Item, ...]
    """The denominator; for a mean or a percentile all stays that it is taken of."""


def receipt(rows: Iterable[KeptStay], asked: Asked, group: Group, figure: Figure) -> Receipt:
    """What `figure` of `group` was counted from; `Group()` is the total. Give the same rows as for the report.

    Raises ValueError for the occupancy, which is counted from seconds of agents and not from stays.
    """
    definition = DEFINITIONS.get(figure)
    if definition is None:
        raise ValueError(f"{figure} is not counted from stays")
    stays = [(stay, counts) for stay, counts in _members(rows, asked, group) if definition.is_over(counts)]
    match definition:
        case Share():
            over = tuple(_item(stay, None) for stay, _ in stays)
            counted = tuple(_item(stay, None) for stay, counts in stays if definition.is_counted(counts))
        case Mean():
            over = tuple(_item(stay, _measured(stay, definition.measures)) for stay, _ in stays)
            counted = over
        case Percentile():
            over = tuple(sorted((_item(stay, stay.waited_s) for stay, _ in stays), key=_seconds))
            counted = over[: definition.rank(len(over))] if over else ()
        case _:
            assert_never(definition)
    return Receipt(definition.formula, counted, over)


def stays_in(rows: Iterable[KeptStay], asked: Asked, group: Group, count: Count) -> tuple[Item, ...]:
    """The stays of one count of one group."""
    return tuple(_item(stay, None) for stay, counts in _members(rows, asked, group) if count in counts)


def _members(rows: Iterable[KeptStay], asked: Asked, group: Group) -> Iterator[tuple[KeptStay, frozenset[Count]]]:
    """The stays of one group with their counts."""
    known: dict[Kind, frozenset[Count]] = {}  # some dozens exist
    is_total = group == Group()
    for stay, found, kind in classified(rows, asked, Calendar(asked)):
        if is_total or found == group:
            counts = known.get(kind)
            if counts is None:
                counts = known[kind] = counts_of(kind)
            yield stay, counts


def _item(stay: KeptStay, seconds: float | None) -> Item:
    return Item(stay.call_id, stay.entry, stay.n, seconds)


def _seconds(item: Item) -> float:
    return item.seconds or 0.0


def _measured(stay: KeptStay, measures: Iterable[Measure]) -> float:
    """What the stay adds to a mean."""
    values = {
        Measure.WAITED_S: stay.waited_s,
        Measure.TALKED_S: stay.talked_s,
        Measure.WRAP_UP_S: stay.wrap_up_s,
    }
    return sum(values[measure] for measure in measures)
