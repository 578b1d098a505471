"""What if: the same days with and without changes, with the same random values, and with error bars.

Each run draws one day and simulates it twice (common random numbers), so the difference is known more exactly than
either figure. The intervals are those of Student's t over the runs.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist, fmean, stdev

from acdcore.planning.changes import Change, apply_changes
from acdcore.planning.day import DaySource, mix_seeds
from acdcore.planning.outcome import DayResult, GroupFigures
from acdcore.planning.simulation import simulate

MAX_RUNS = 1_000
"""With more runs the error bars are smaller than the error of the model."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """A figure to compare."""

    name: str
    unit: str
    """`%` for shares (values from 0 to 1), `s` for times, "" for other figures."""
    is_better_when_higher: bool | None
    """None: neither is better."""


SERVICE_LEVEL = ComparedFigure("service level", "%", True)
AVERAGE_WAIT = ComparedFigure("average wait", "s", False)
LONG_WAIT = ComparedFigure("wait, 95 of 100", "s", False)
WORST_WAIT = ComparedFigure("worst wait", "s", False)
ABANDONMENT = ComparedFigure("abandonment", "%", False)
OCCUPANCY = ComparedFigure("occupancy", "%", None)
UNEVENNESS = ComparedFigure("unevenness of occupancy", "", False)

OF_CALLERS: tuple[tuple[ComparedFigure, Callable[[GroupFigures], float]], ...] = (
    (SERVICE_LEVEL, lambda figures: figures.service_level),
    (AVERAGE_WAIT, lambda figures: figures.average_wait_s),
    (LONG_WAIT, lambda figures: figures.wait_s(0.95)),
    (WORST_WAIT, lambda figures: figures.worst_wait_s),
    (ABANDONMENT, lambda figures: figures.abandonment),
)
"""Measured over all callers, by queue and by tier."""
OF_AGENTS: tuple[tuple[ComparedFigure, Callable[[DayResult], float]], ...] = (
    (OCCUPANCY, lambda result: result.occupancy),
    (UNEVENNESS, lambda result: result.unevenness),
)
"""Measured over all agents."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over the runs, with its 95 % interval."""

    mean: float
    half_width: float
    """The interval is mean ± this; infinite: a single run."""

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Estimate":
        """The estimate from one figure for each run."""
        if len(samples) < 2:
            return cls(fmean(samples), math.inf)
        return cls(fmean(samples), student_quantile(len(samples) - 1) * stdev(samples) / math.sqrt(len(samples)))

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes 0; for a difference: that there is one."""
        return abs(self.mean) > self.half_width


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One figure, without and with the changes."""

    scope: str
    """`all`, `queue NAME` or `tier NAME`."""
    measure: ComparedFigure
    baseline: Estimate
    changed: Estimate
    difference: Estimate
    """Changed minus baseline, run by run."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The effect of the changes."""

    runs: int
    rows: tuple[ComparisonRow, ...]

    def row(self, scope: str, measure: ComparedFigure) -> ComparisonRow:
        """The row of a scope and a figure. Raises KeyError when there is none."""
        for row in self.rows:
            if row.scope == scope and row.measure == measure:
                return row
        raise KeyError(f"{scope}, {measure.name}")

    def render(self) -> str:
        """A table as plain text; a star marks a difference that is more than chance."""
        lines = [("", "", "as it was", "with the changes", "difference")]
        scope = ""
        for row in self.rows:
            star = " *" if row.difference.is_sure else ""
            lines.append(
                (
                    row.scope if row.scope != scope else "",
                    row.measure.name,
                    estimate_text(row.baseline, row.measure),
                    estimate_text(row.changed, row.measure),
                    estimate_text(row.difference, row.measure, is_signed=True) + star,
                )
            )
            scope = row.scope
        note = f"{self.runs} runs, 95 % intervals; * marks a difference that is more than chance"
        return "\n".join([*align_columns(lines), "", note])


def compare_changes(
    source: DaySource,
    changes: tuple[Change, ...],
    runs: int = 20,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Simulate days from `source` without and with the changes; `progress` is called with the number of runs done.

    Raises ChangeError when a change does not fit the day, ValueError for a number of runs outside of 1 to `MAX_RUNS`.
    """
    if not 1 <= runs <= MAX_RUNS:
        raise ValueError(f"give from 1 to {MAX_RUNS} runs")
    pairs: list[tuple[DayResult, DayResult]] = []
    for run in range(runs):
        day = source.draw(mix_seeds(seed, run))
        pairs.append((simulate(day), simulate(apply_changes(day, changes))))
        if progress is not None:
            progress(run + 1)
    return compare_results(pairs)


def compare_results(pairs: Sequence[tuple[DayResult, DayResult]]) -> Comparison:
    """The comparison of given results; in each pair the baseline comes first."""
    rows: list[ComparisonRow] = []
    for scope, select in _scopes(pairs):
        groups = [(select(before), select(after)) for before, after in pairs]
        rows += [
            _row(scope, measure, [(of(before), of(after)) for before, after in groups]) for measure, of in OF_CALLERS
        ]
        if scope == "all":
            rows += [
                _row(scope, measure, [(of_all(before), of_all(after)) for before, after in pairs])
                for measure, of_all in OF_AGENTS
            ]
    return Comparison(len(pairs), tuple(rows))


def _scopes(pairs: Iterable[tuple[DayResult, DayResult]]) -> list[tuple[str, Callable[[DayResult], GroupFigures]]]:
    results = [result for pair in pairs for result in pair]
    scopes: list[tuple[str, Callable[[DayResult], GroupFigures]]] = [("all", lambda result: result.overall)]
    queues = sorted({queue for result in results for queue in result.queues})
    if len(queues) > 1:
        scopes += [(f"queue {queue}", partial(DayResult.queue, name=queue)) for queue in queues]
    tiers = sorted({tier for result in results for tier in result.tiers})
    if len(tiers) > 1:
        scopes += [(f"tier {tier}", partial(DayResult.tier, tier=tier)) for tier in tiers]
    return scopes


def _row(scope: str, measure: ComparedFigure, samples: Sequence[tuple[float, float]]) -> ComparisonRow:
    return ComparisonRow(
        scope,
        measure,
        Estimate.of([before for before, _ in samples]),
        Estimate.of([after for _, after in samples]),
        Estimate.of([after - before for before, after in samples]),
    )


# ---- figures as text ----------------------------------------------------------------------------------------------


def estimate_text(estimate: Estimate, measure: ComparedFigure, is_signed: bool = False) -> str:
    """An estimate as text, such as `71.3 ±0.8 %`."""
    factor, digits = (100.0, 1) if measure.unit == "%" else (1.0, 1) if measure.unit == "s" else (1.0, 3)
    mean = f"{estimate.mean * factor:{'+' if is_signed else ''}.{digits}f}"
    width = "" if math.isinf(estimate.half_width) else f" ±{estimate.half_width * factor:.{digits}f}"
    return f"{mean}{width} {measure.unit}".rstrip()


def align_columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Cells padded to columns: the first two left-aligned, the others right-aligned."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def student_quantile(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t, by the expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5);
    exact formulas for one and two degrees of freedom, where the expansion is too coarse."""
    if freedom == 1:
        return math.tan(math.pi * CONFIDENCE / 2.0)
    if freedom == 2:
        share = (1.0 + CONFIDENCE) / 2.0
        return (2.0 * share - 1.0) / math.sqrt(2.0 * share * (1.0 - share))
    z = NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    fourth = (79.0 * z**9 + 776.0 * z**7 + 1_482.0 * z**5 - 1_920.0 * z**3 - 945.0 * z) / 92_160.0
    return z + first / freedom + second / freedom**2 + third / freedom**3 + fourth / freedom**4
