"""One overloaded day by the dispatcher and by other policies, with the same callers, agents, patience and phones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.day import Day, Person, Phone, WorkSpan, mix_seeds
from acdcore.planning.outcome import DayResult
from acdcore.planning.pattern import CallerKind, Duration, Pattern, Stream
from acdcore.planning.simulation import simulate
from acdcore.planning.whatif import ComparedFigure, Estimate, align_columns, estimate_text
from acdcore.queues.inputs import CallerFacts
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings, Strategy
from bench.policies.emulations import Fifo, PenaltyPolling, StrictPriority

VIP, ORDINARY = "vip", "standard"
MEASURES: tuple[tuple[ComparedFigure, Callable[[DayResult], float]], ...] = (
    (ComparedFigure("service level", "%", True), lambda result: result.overall.service_level),
    (ComparedFigure("abandoned", "%", False), lambda result: result.overall.abandonment),
    (ComparedFigure("VIP wait, mean", "s", False), lambda result: result.tier(VIP).average_wait_s),
    (ComparedFigure("VIP wait, 95 of 100", "s", False), lambda result: result.tier(VIP).wait_s(0.95)),
    (ComparedFigure("others' wait, mean", "s", False), lambda result: result.tier(ORDINARY).average_wait_s),
    (ComparedFigure("worst wait", "s", False), lambda result: result.overall.worst_wait_s),
    (ComparedFigure("unevenness of occupancy", "", False), lambda result: result.unevenness),
)
"""Columns of the table."""
VIP_SHARE = 0.05
VIP_ADVANCE_S = 120.0
OPEN_S, CLOSE_S = 8 * 3_600.0, 16 * 3_600.0
SALES, SERVICE, COMPLAINTS = QueueName("sales"), QueueName("service"), QueueName("complaints")
SELL, REPAIR, CALM, ENGLISH = SkillName("sell"), SkillName("repair"), SkillName("calm"), SkillName("english")
AGENTS = 40
HOURS = (0.7, 1.1, 1.3, 1.2, 0.8, 1.0, 1.2, 0.7)
"""Calls of each hour as a multiple of the mean."""


def _levels_alike(day: Day) -> DayResult:
    """The dispatcher when no agent is preferred for a level, and work goes to the least occupied."""
    people = [
        replace(person, settings=replace(person.settings, skills=dict.fromkeys(person.settings.skills, 1)))
        for person in day.people
    ]
    queues = [replace(queue, strategy=Strategy.LEAST_OCCUPIED) for queue in day.settings.queues]
    return simulate(replace(day, people=tuple(people), settings=replace(day.settings, queues=tuple(queues))))


POLICIES: Mapping[str, Callable[[Day], DayResult]] = {
    "acdcore": simulate,
    "acdcore, levels alike": _levels_alike,
    "strict priority": lambda day: simulate(day, StrictPriority(day.settings)),
    "penalty with polling": lambda day: simulate(day, PenaltyPolling(day.settings)),
    "plain FIFO": lambda day: simulate(day, Fifo(day.settings)),
}
"""In the order of the table."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One policy's figures."""

    policy: str
    figures: tuple[Estimate, ...]
    """In the order of `MEASURES`."""


@dataclass(frozen=True, slots=True)
class Standings:
    """The table."""

    runs: int
    calls: float
    """Calls of a day, on average."""
    rows: tuple[Standing, ...]

    def render(self) -> str:
        """As plain text."""
        lines: list[Sequence[str]] = [("policy", "", *(measure.name for measure, _ in MEASURES))]
        for row in self.rows:
            cells = [estimate_text(figure, measure) for figure, (measure, _) in zip(row.figures, MEASURES, strict=True)]
            lines.append((row.policy, "", *cells))
        return "\n".join([*align_columns(lines), "", f"{self.runs} days of {self.calls:.0f} calls, 95 % intervals"])

    def markdown(self) -> str:
        """As a table for a text in Markdown, means only."""
        lines = ["| | " + " | ".join(measure.name for measure, _ in MEASURES) + " |"]
        lines.append("|---|" + "--:|" * len(MEASURES))
        for row in self.rows:
            cells = [
                estimate_text(Estimate(figure.mean, float("inf")), measure)
                for figure, (measure, _) in zip(row.figures, MEASURES, strict=True)
            ]
            lines.append(f"| {row.policy} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def standings(
    runs: int = 10,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
    load: float = 1.1,
    agents: int = AGENTS,
) -> Standings:
    """Run every policy on the same `runs` days; `load`: calls offered as a multiple of what the agents can serve."""
    figures: dict[str, list[DayResult]] = {name: [] for name in POLICIES}
    calls = 0
    for run in range(runs):
        day = overloaded(mix_seeds(seed, run), load, agents)
        calls += len(day.arrivals)
        for name, run_day in POLICIES.items():
            figures[name].append(run_day(day))
        if progress is not None:
            progress(run + 1)
    rows = [
        Standing(name, tuple(Estimate.of([of(result) for result in results]) for _, of in MEASURES))
        for name, results in figures.items()
    ]
    return Standings(runs, calls / runs, tuple(rows))


def overloaded(seed: int, load: float = 1.1, agents: int = AGENTS) -> Day:
    """Eight hours with two peaks, 5 % VIPs, three queues, four skills, and more calls than the agents can serve."""
    talk_s, wrap_up_s = 180.0, 15.0
    queues = (
        QueueSettings(SALES, {SELL: 1}, wrap_up_s=wrap_up_s, ring_for_s=15.0),
        QueueSettings(SERVICE, {REPAIR: 1}, wrap_up_s=wrap_up_s, ring_for_s=15.0),
        QueueSettings(COMPLAINTS, {CALM: 1}, wrap_up_s=wrap_up_s, ring_for_s=15.0),
    )
    hourly = load * agents * 3_600.0 / (talk_s + wrap_up_s + 5.0)
    shares = {SALES: 0.5, SERVICE: 0.4, COMPLAINTS: 0.1}
    streams = tuple(
        Stream(
            queue,
            tuple(hourly * share * part for part in HOURS),
            Duration(talk_s, 0.8),
            Duration(180.0),
            kinds=_kinds(),
        )
        for queue, share in shares.items()
    )
    people = tuple(_person(number) for number in range(agents))
    return Pattern(DispatcherSettings(queues), streams, people, 3_600.0, OPEN_S).draw(seed)


def _kinds() -> tuple[CallerKind, ...]:
    """VIPs and others, one in ten of either asking for English."""
    return tuple(
        CallerKind(tier_share * share, CallerFacts(tier), priority_s, skills)
        for tier, tier_share, priority_s in ((VIP, VIP_SHARE, VIP_ADVANCE_S), (ORDINARY, 1.0 - VIP_SHARE, 0.0))
        for share, skills in ((0.9, dict[SkillName, int]()), (0.1, {ENGLISH: 1}))
    )


def _person(number: int) -> Person:
    """Half of all can both sell and repair; few calm people down or speak English; one in four is a senior."""
    level = 2 if number % 4 == 3 else 1
    skills = {SELL if number % 2 else REPAIR: level}
    if number % 8 in (2, 3, 4, 5):
        skills |= {SELL: level, REPAIR: level}
    if number % 8 in (0, 3, 6):
        skills[CALM] = level
    if number % 8 in (1, 3, 4):
        skills[ENGLISH] = level
    phone = Phone(answers_s=(2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0), miss_share=0.04)
    settings = AgentSettings(AgentId(str(1_001 + number)), skills=skills)
    return Person(settings, (WorkSpan(OPEN_S - 1.0, CLOSE_S + 600.0),), phone=phone)
