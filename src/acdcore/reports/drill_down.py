"""Receipts: the visits from which a figure or a count was counted, found by the same rules as its value."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from acdcore.reports.formulas import (
    DEFINITIONS,
    Count,
    Figure,
    MeanFormula,
    PercentileFormula,
    ShareFormula,
    SummedTime,
    VisitKind,
    counts_of,
)
from acdcore.reports.grouping import Group, IntervalFinder, ReportQuery, classify_visits
from acdcore.reports.queue_visits import RecordedVisit


class Item(NamedTuple):
    """One visit in a receipt."""

    call_id: str
    entry: str
    n: int
    seconds: float | None
    """What the visit adds to a mean, or its wait for a percentile, seconds; None: for shares and counts."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The visits from which one figure of one group was counted."""

    formula: str
    counted: tuple[Item, ...]
    """The numerator; for a percentile, the visits that did not wait longer."""
    over: tuple[Item, ...]
    """The denominator; for a mean or a percentile, all visits that are included."""


def receipt(rows: Iterable[RecordedVisit], query: ReportQuery, group: Group, figure: Figure) -> Receipt:
    """The visits behind `figure` of `group`; `Group()` is the total. Give the same rows as for the report.

    Raises ValueError for the occupancy, which is counted from agents' time and not from visits.
    """
    definition = DEFINITIONS.get(figure)
    if definition is None:
        raise ValueError(f"{figure} is not counted from visits; it has no receipt")
    visits = [(visit, counts) for visit, counts in _members(rows, query, group) if definition.is_over(counts)]
    match definition:
        case ShareFormula():
            over = tuple(_item(visit, None) for visit, _ in visits)
            counted = tuple(_item(visit, None) for visit, counts in visits if definition.is_counted(counts))
        case MeanFormula():
            over = tuple(_item(visit, _measured(visit, definition.measures)) for visit, _ in visits)
            counted = over
        case PercentileFormula():
            over = tuple(sorted((_item(visit, visit.waited_s) for visit, _ in visits), key=_seconds))
            counted = over[: definition.rank(len(over))] if over else ()
        case _:
            assert_never(definition)
    return Receipt(definition.formula, counted, over)


def visits_in(rows: Iterable[RecordedVisit], query: ReportQuery, group: Group, count: Count) -> tuple[Item, ...]:
    """The visits of one count of one group."""
    return tuple(_item(visit, None) for visit, counts in _members(rows, query, group) if count in counts)


def _members(
    rows: Iterable[RecordedVisit], query: ReportQuery, group: Group
) -> Iterator[tuple[RecordedVisit, frozenset[Count]]]:
    """The visits of one group with their counts."""
    known: dict[VisitKind, frozenset[Count]] = {}  # some dozens exist
    is_total = group == Group()
    for visit, found, kind in classify_visits(rows, query, IntervalFinder(query)):
        if is_total or found == group:
            counts = known.get(kind)
            if counts is None:
                counts = known[kind] = counts_of(kind)
            yield visit, counts


def _item(visit: RecordedVisit, seconds: float | None) -> Item:
    return Item(visit.call_id, visit.entry, visit.n, seconds)


def _seconds(item: Item) -> float:
    return item.seconds or 0.0


def _measured(visit: RecordedVisit, measures: Iterable[SummedTime]) -> float:
    """What the visit adds to a mean, seconds."""
    values = {
        SummedTime.WAITED_S: visit.waited_s,
        SummedTime.TALKED_S: visit.talked_s,
        SummedTime.WRAP_UP_S: visit.wrap_up_s,
    }
    return sum(values[measure] for measure in measures)
