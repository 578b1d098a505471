"""Obligations of reports, receipts and first-call resolution."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.queues.dispatcher_day import DispatcherDay, Plan

from acdcore.calls.model.rows import AgentEventRow, QueueVisitRow
from acdcore.kernel.ids import AgentId, CustomerId, QueueName
from acdcore.queues.decisions import AgentState, AgentStateChanged, Decision
from acdcore.queues.inputs import Input
from acdcore.queues.live_figures import QueueFigures
from acdcore.queues.settings import (
    DispatcherSettings,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToAnnouncement,
    ToQueue,
)
from acdcore.reports.agent_time import AgentSpan, spans
from acdcore.reports.drill_down import receipt, visits_in
from acdcore.reports.formulas import ENDINGS, FORMULAS, MEANS, PERCENTILES, SHARES, Count, Figure
from acdcore.reports.grouping import NOBODY, By, Group, Interval, ReportQuery
from acdcore.reports.queue_visits import QueueVisit, QueueVisitEnd, QueueVisitFold
from acdcore.reports.report import GroupRow, Report, report

SALES, HELP = QueueName("sales"), QueueName("help")
ANNA, BO = AgentId("1001"), AgentId("1002")
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = ReportQuery(MIDNIGHT, MIDNIGHT + timedelta(days=1))


def at(seconds: float) -> datetime:
    """A moment of the day."""
    return MIDNIGHT + timedelta(seconds=seconds)


def visit(number: int, how: QueueVisitEnd, waited_s: float = 10.0, joined: float = 0.0) -> QueueVisitRow:
    """A call of its own."""
    return QueueVisitRow(
        f"c{number}/1", 1, f"c{number}", SALES, "call", at(joined), at(joined + waited_s), how, waited_s, offers=1
    )


def answered(number: int, waited_s: float = 10.0, joined: float = 0.0, agent: AgentId = ANNA) -> QueueVisitRow:
    """A call answered, in time within 20 s."""
    row = visit(number, QueueVisitEnd.ANSWERED, waited_s, joined)
    return replace(row, agent=agent, is_in_time=waited_s <= 20.0, talked_s=100.0, wrap_up_s=20.0)


def sample_visits() -> list[QueueVisitRow]:
    """Ten offered: 5 answered (3 in time), 2 abandoned (one in time), one short, one overflowed, one waiting."""
    return [
        answered(1, 5.0),
        answered(2, 10.0),
        answered(3, 20.0),
        answered(4, 30.0),
        answered(5, 45.0, agent=BO),
        visit(6, QueueVisitEnd.ABANDONED, 60.0),
        visit(7, QueueVisitEnd.ABANDONED, 15.0),
        visit(8, QueueVisitEnd.ABANDONED_SHORT, 3.0),
        visit(9, QueueVisitEnd.OVERFLOWED, 120.0),
        visit(10, QueueVisitEnd.WAITING, 200.0),
    ]


def test_the_service_levels_stand_side_by_side() -> None:
    figures = report(sample_visits(), DAY).total.figures
    assert figures[Figure.SERVICE_LEVEL_OF_OFFERED] == 3 / 10
    assert figures[Figure.SERVICE_LEVEL_WITHOUT_SHORT] == 3 / 9
    assert figures[Figure.SERVICE_LEVEL_OF_ANSWERED] == 3 / 5
    assert figures[Figure.SERVICE_LEVEL_WITH_ABANDONED] == (3 + 2) / 10
    assert figures[Figure.SERVICE_LEVEL] == 3 / 7


def test_shares_of_answered_and_abandoned() -> None:
    figures = report(sample_visits(), DAY).total.figures
    assert (figures[Figure.ANSWERED_SHARE], figures[Figure.ABANDONED_SHARE]) == (5 / 10, 2 / 9)


def test_means_and_percentiles_of_the_waits() -> None:
    figures = report(sample_visits(), DAY).total.figures
    assert figures[Figure.AVERAGE_SPEED_OF_ANSWER_S] == 22.0
    assert figures[Figure.WAIT_P50_S] == 20.0
    assert figures[Figure.WAIT_P90_S] == figures[Figure.WAIT_MAX_S] == 45.0


def test_percentiles_are_nearest_ranks() -> None:
    rows = [answered(number, float(number)) for number in range(1, 201)]
    figures = report(rows, DAY).total.figures
    ranks = [figures[percentile.figure] for percentile in PERCENTILES]
    assert ranks == [100.0, 180.0, 190.0, 198.0, 200.0]


def test_a_talk_that_goes_on_is_answered_but_not_yet_handled() -> None:
    running = replace(answered(2), how=QueueVisitEnd.IN_CONTACT, talked_s=5_000.0)
    line = report([answered(1), running], DAY).total
    assert (line.counts[Count.ANSWERED], line.counts[Count.HANDLED]) == (2, 1)
    assert line.figures[Figure.AVERAGE_HANDLING_S] == 120.0
    assert line.figures[Figure.AVERAGE_TALK_S] == 100.0
    assert line.figures[Figure.AVERAGE_WRAP_UP_S] == 20.0


def test_nothing_to_divide_by_means_no_figure() -> None:
    line = report([], DAY).total
    assert set(line.figures) == set(Figure)
    assert set(line.figures.values()) == {None}
    assert set(line.counts.values()) == {0}
    assert line.is_balanced


def test_a_queues_own_target_decides_who_hung_up_in_time() -> None:
    rows = [visit(1, QueueVisitEnd.ABANDONED, 15.0)]
    assert report(rows, DAY).total.counts[Count.ABANDONED_IN_TIME] == 1
    strict = replace(DAY, within_s={SALES: 10.0})
    assert report(rows, strict).total.counts[Count.ABANDONED_IN_TIME] == 0


def test_only_visits_that_joined_in_the_time_asked_for_count() -> None:
    rows = [
        answered(1, joined=-0.001),
        answered(2, joined=0.0),
        answered(3, joined=86_399.0),
        answered(4, joined=86_400.0),
    ]
    assert report(rows, DAY).total.counts[Count.OFFERED] == 2


def test_a_visit_belongs_to_the_interval_in_which_it_joined() -> None:
    rows = [answered(1, waited_s=1_700.0, joined=100.0), answered(2, joined=1_800.0)]
    lines = report(rows, replace(DAY, interval=Interval.HALF_HOUR)).rows
    assert [(line.group.began_at, line.counts[Count.OFFERED]) for line in lines] == [(at(0), 1), (at(1_800), 1)]


def test_days_and_hours_are_local() -> None:
    rows = [answered(1, joined=0.0), answered(2, joined=16 * 3_600.0)]
    shanghai = replace(DAY, interval=Interval.DAY, zone=ZoneInfo("Asia/Shanghai"))
    begins = [line.group.began_at for line in report(rows, shanghai).rows]
    assert begins == [at(-8 * 3_600.0), at(16 * 3_600.0)]
    kathmandu = replace(DAY, interval=Interval.HOUR, zone=ZoneInfo("Asia/Kathmandu"))  # UTC + 5:45
    assert report(rows, kathmandu).rows[0].group.began_at == at(-45 * 60.0)


def test_the_hour_that_comes_twice_is_two_intervals() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 2:30 in summer time, and an hour later 2:30 again
    rows = [replace(answered(1), joined_at=first), replace(answered(2), joined_at=first + timedelta(hours=1))]
    query = ReportQuery(first - timedelta(days=1), first + timedelta(days=1), interval=Interval.HOUR, zone=berlin)
    begins = [line.group.began_at for line in report(rows, query).rows]
    assert begins == [first - timedelta(minutes=30), first + timedelta(minutes=30)]
    (day,) = report(rows, replace(query, interval=Interval.DAY)).rows
    assert day.group.began_at == datetime(2026, 10, 24, 22, tzinfo=UTC)


def test_a_midnight_that_comes_twice_begins_one_day() -> None:
    first = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)  # 0:30 in summer time; at 1:00 the clocks go back
    rows = [replace(answered(1), joined_at=first), replace(answered(2), joined_at=first + timedelta(hours=1))]
    query = ReportQuery(first - timedelta(days=1), first + timedelta(days=1), zone=ZoneInfo("America/Havana"))
    (day,) = report(rows, replace(query, interval=Interval.DAY)).rows
    assert day.group.began_at == first - timedelta(minutes=30)


def test_agents_have_the_visits_they_answered_and_nobody_the_rest() -> None:
    lines = report(sample_visits(), replace(DAY, by=frozenset({By.AGENT}))).rows
    assert {line.group.agent: line.counts[Count.OFFERED] for line in lines} == {NOBODY: 5, ANNA: 4, BO: 1}


def test_channels_are_told_apart() -> None:
    rows = [answered(1), replace(answered(2), channel="callback")]
    lines = report(rows, replace(DAY, by=frozenset({By.CHANNEL}))).rows
    assert [line.group.channel for line in lines] == ["call", "callback"]


def test_messages_need_not_spoil_the_callers_figures() -> None:
    rows = [answered(1), replace(answered(2, 9_000.0), channel="voicemail")]
    assert report(rows, DAY).total.figures[Figure.SERVICE_LEVEL] == 0.5
    assert report(rows, replace(DAY, channels=frozenset({"call"}))).total.figures[Figure.SERVICE_LEVEL] == 1.0


def test_announced_waits_count_once_it_is_known_whether_they_were_kept() -> None:
    rows = [
        replace(answered(1, 50.0), announced_wait_s=60.0),
        replace(answered(2, 70.0), announced_wait_s=60.0),
        replace(visit(3, QueueVisitEnd.ABANDONED, 90.0), announced_wait_s=60.0),
        replace(visit(4, QueueVisitEnd.ABANDONED, 30.0), announced_wait_s=60.0),
        replace(visit(5, QueueVisitEnd.WAITING, 90.0), announced_wait_s=60.0),
        answered(6),
    ]
    line = report(rows, DAY).total
    assert (
        line.counts[Count.ANNOUNCED_WAIT],
        line.counts[Count.ANNOUNCED_WAIT_KEPT],
        line.counts[Count.ANNOUNCED_WAIT_EXCEEDED],
    ) == (
        3,
        1,
        2,
    )
    assert line.figures[Figure.ANNOUNCED_WAIT_KEPT_SHARE] == 1 / 3


def test_an_unknown_way_of_ending_is_refused() -> None:
    with pytest.raises(ValueError, match="vanished"):
        report([replace(answered(1), how="vanished")], DAY)


# ---- first-call resolution ----------------------------------------------------------------------------------------

DAYS = 86_400.0
LATER = replace(DAY, known_until=MIDNIGHT + timedelta(days=30))


def by(row: QueueVisitRow, caller: str, customer_id: int | None = None) -> QueueVisitRow:
    """The visit as that caller's."""
    return replace(row, caller=caller, customer_id=None if customer_id is None else CustomerId(customer_id))


def first_calls(rows: Sequence[QueueVisitRow], query: ReportQuery = LATER) -> tuple[int, int]:
    """First calls and those resolved."""
    counts = report(rows, query).total.counts
    return counts[Count.FIRST_CALLS], counts[Count.FIRST_CALLS_RESOLVED]


def test_a_call_that_nothing_follows_is_resolved() -> None:
    assert first_calls([by(answered(1), "555")]) == (1, 1)


def test_a_call_within_the_window_repeats_the_first_even_when_abandoned() -> None:
    again = by(visit(2, QueueVisitEnd.ABANDONED, joined=7 * DAYS), "555")
    assert first_calls([by(answered(1), "555"), again]) == (1, 0)
    assert first_calls([by(answered(1), "555"), replace(again, joined_at=at(7 * DAYS + 1))]) == (1, 1)


def test_a_repeated_call_is_no_first_call() -> None:
    rows = [by(answered(1), "555"), by(answered(2, joined=3_600), "555")]
    assert first_calls(rows) == (1, 0)
    before = [by(answered(1, joined=-3 * DAYS), "555"), by(answered(2), "555")]
    assert first_calls(before) == (0, 0)


def test_the_attempt_before_the_answer_does_not_count_against_it() -> None:
    rows = [by(visit(1, QueueVisitEnd.ABANDONED), "555"), by(answered(2, joined=60), "555")]
    assert first_calls(rows) == (1, 1)


def test_a_window_that_is_not_over_is_not_judged_yet() -> None:
    assert first_calls([by(answered(1), "555")], DAY) == (0, 0)
    assert first_calls([by(answered(1), "555"), by(answered(2, joined=60), "555")], DAY) == (1, 0)


def test_an_overflow_within_a_call_is_not_another_call() -> None:
    first = by(visit(1, QueueVisitEnd.OVERFLOWED), "555")
    second = replace(by(answered(1, joined=30), "555"), n=2, queue=HELP)
    assert first_calls([first, second]) == (1, 1)


def test_a_call_put_back_after_a_talk_is_still_one_call() -> None:
    again = replace(by(answered(1, joined=300), "555"), entry="c1/2")
    assert first_calls([by(answered(1), "555"), again]) == (1, 1)


def test_a_customer_is_one_caller_on_all_numbers() -> None:
    rows = [by(answered(1), "555", 7), by(answered(2, joined=60), "556", 7)]
    assert first_calls(rows) == (1, 0)


def test_a_number_recognised_once_stands_for_its_customer() -> None:
    rows = [by(answered(1), "555"), by(answered(2, joined=60), "555", 7)]
    assert first_calls(rows) == (1, 0)


def test_withheld_numbers_and_callbacks_are_left_out() -> None:
    assert first_calls([by(answered(1), ""), by(answered(2, joined=60), "")]) == (0, 0)
    callback = replace(by(answered(2, joined=60), "555"), channel="callback")
    assert first_calls([by(answered(1), "555"), callback]) == (1, 1)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [by(answered(1), "555"), by(answered(2, joined=60), "555")]
    assert first_calls(rows) == first_calls(rows[::-1])


# ---- agents' time -------------------------------------------------------------------------------------------------


def events(*changes: tuple[float, AgentState], agent: AgentId = ANNA) -> list[AgentEventRow]:
    """An agent's changes as the history keeps them."""
    return [AgentEventRow(agent, at(second), serial, state) for serial, (second, state) in enumerate(changes)]


def test_spans_run_from_change_to_change_and_the_last_one_to_the_end() -> None:
    changes = events((0, AgentState.READY), (60, AgentState.TALKING), (60, AgentState.WRAP_UP))
    assert list(spans(changes, at(100))) == [
        AgentSpan(ANNA, AgentState.READY, at(0), at(60)),
        AgentSpan(ANNA, AgentState.WRAP_UP, at(60), at(100)),
    ]


def test_occupancy_leaves_breaks_out_and_counts_ringing_as_ready() -> None:
    changes = events(
        (0, AgentState.READY),
        (50, AgentState.OFFERED),
        (60, AgentState.TALKING),
        (120, AgentState.WRAP_UP),
        (140, AgentState.NOT_READY),
    )
    (line,) = report([], replace(DAY, by=frozenset({By.AGENT})), spans(changes, at(5_000))).rows
    assert line.group.agent == ANNA
    assert line.figures[Figure.OCCUPANCY] == 80 / 140


def test_agents_time_is_told_by_state_and_by_reason() -> None:
    rows = [
        AgentEventRow(ANNA, at(0), 1, AgentState.READY),
        AgentEventRow(ANNA, at(100), 2, AgentState.NOT_READY, "lunch"),
        AgentEventRow(ANNA, at(400), 3, "ringing"),
        AgentEventRow(ANNA, at(410), 4, AgentState.TALKING),
        AgentEventRow(ANNA, at(490), 5, AgentState.NOT_READY, "coffee"),
        AgentEventRow(ANNA, at(550), 6, AgentState.NOT_READY, "lunch"),
        AgentEventRow(ANNA, at(560), 7, AgentState.LOGGED_OUT),
        AgentEventRow(BO, at(0), 8, AgentState.NOT_READY, "coffee"),
    ]
    found = report([], replace(DAY, by=frozenset({By.AGENT})), spans(rows, at(600)))
    anna, total = found.rows[0].agent_time, found.total.agent_time
    assert anna is not None and total is not None
    assert anna.state_s == {"ready": 100.0, "not_ready": 370.0, "ringing": 10.0, "talking": 80.0}
    assert anna.not_ready_s == {"lunch": 310.0, "coffee": 60.0}
    assert found.rows[0].figures[Figure.OCCUPANCY] == 80 / 190
    assert total.not_ready_s == {"lunch": 310.0, "coffee": 660.0}


def test_first_call_resolution_is_left_out_when_not_asked_for() -> None:
    counts = report([answered(1)], replace(DAY, first_call_days=0)).total.counts
    assert counts[Count.FIRST_CALLS] == 0


def test_agents_time_is_divided_among_the_intervals() -> None:
    changes = [*events((3_000, AgentState.TALKING)), *events((3_000, AgentState.READY), agent=BO)]
    query = replace(DAY, by=frozenset(), interval=Interval.HOUR)
    found = report([], query, spans(changes, at(4_600)))
    times = [line.agent_time for line in found.rows]
    assert [(time.work_s, time.idle_s) for time in times if time] == [(600.0, 600.0), (1_000.0, 1_000.0)]
    assert found.total.figures[Figure.OCCUPANCY] == 0.5


def test_a_queue_has_no_occupancy_of_its_own() -> None:
    found = report([answered(1)], DAY, spans(events((0, AgentState.TALKING)), at(60)))
    assert found.rows[0].figures[Figure.OCCUPANCY] is None
    assert found.total.figures[Figure.OCCUPANCY] == 1.0


def test_agents_time_outside_of_the_time_asked_for_is_cut_off() -> None:
    changes = events((-500, AgentState.TALKING), (86_000, AgentState.READY))
    total = report([], DAY, spans(changes, at(90_000))).total
    assert total.agent_time is not None
    assert (total.agent_time.work_s, total.agent_time.idle_s) == (86_000.0, 400.0)


# ---- receipts -----------------------------------------------------------------------------------------------------


def test_a_share_can_show_its_calls() -> None:
    found = receipt(sample_visits(), DAY, Group(queue=SALES), Figure.SERVICE_LEVEL)
    assert found.formula == "(answered_in_time) / (abandoned + answered)"
    assert [item.call_id for item in found.counted] == ["c1", "c2", "c3"]
    assert [item.call_id for item in found.over] == ["c1", "c2", "c3", "c4", "c5", "c6", "c7"]


def test_a_mean_shows_what_each_call_added() -> None:
    found = receipt(sample_visits(), DAY, Group(), Figure.AVERAGE_HANDLING_S)
    assert [item.seconds for item in found.over] == [120.0] * 5


def test_a_percentile_ends_with_the_call_that_it_is() -> None:
    found = receipt(sample_visits(), DAY, Group(), Figure.WAIT_P50_S)
    assert (found.counted[-1].call_id, found.counted[-1].seconds) == ("c3", 20.0)


def test_occupancy_has_no_receipt_of_calls() -> None:
    with pytest.raises(ValueError, match="occupancy"):
        receipt(sample_visits(), DAY, Group(), Figure.OCCUPANCY)


def test_every_figure_has_a_formula() -> None:
    assert set(FORMULAS) == set(Figure)


def test_every_figure_is_described_with_its_formula() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    for figure, formula in FORMULAS.items():
        assert f"| `{figure}` | {formula} |" in page
    for count in Count:
        assert f"| `{count}` |" in page


# ---- whole days ---------------------------------------------------------------------------------------------------


class Kept:
    """A simulated day and the visits it leaves behind, the running ones included."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.visits = QueueVisitFold()
        self.over: list[QueueVisit] = []
        self.changes: list[AgentEventRow] = []
        self.day = DispatcherDay(plan, seed, self._turn)
        self.day.run()
        self.rows = [self._row(kept) for kept in (*self.over, *self.visits.open(self.day.now))]

    def _turn(self, event: Input, decisions: list[Decision], now: float) -> None:
        self.over += self.visits.fold(decisions, now)
        for decision in decisions:
            if isinstance(decision, AgentStateChanged):
                row = AgentEventRow(decision.agent, at(decision.at), len(self.changes), decision.state)
                self.changes.append(row)

    def _row(self, kept: QueueVisit) -> QueueVisitRow:
        return QueueVisitRow(
            entry=kept.entry,
            n=kept.n,
            call_id=kept.entry,
            queue=kept.queue,
            channel=kept.channel,
            joined_at=at(kept.joined_at),
            left_at=at(kept.left_at),
            how=kept.how,
            waited_s=kept.waited_s,
            is_in_time=kept.is_in_time,
            agent=kept.agent,
            offers=kept.offers,
            misses=kept.misses,
            talked_s=kept.talked_s,
            wrap_up_s=kept.wrap_up_s,
            caller=str(int(kept.entry) % 40),
            announced_wait_s=kept.announced_wait_s,
        )


def varied(agents: float, patience_s: float, missed: float) -> Plan:
    """Two queues, one of which overflows into the other and that one to a prompt; an hour in which all happens."""
    sales = QueueSettings(
        SALES,
        max_wait_s=90.0,
        overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),),
        announce_first_s=5.0,
        announce_every_s=30.0,
        announces_wait=True,
    )
    busy = (
        OverflowRule(OverflowCause.LENGTH, ToAnnouncement("busy")),
        OverflowRule(OverflowCause.WAIT, ToAnnouncement("later")),
    )
    aid = QueueSettings(HELP, max_wait_s=120.0, max_length=6, overflow=busy, wrap_up_s=0.0)
    return Plan(
        DispatcherSettings(queues=(sales, aid)),
        {SALES: ((0.0, 1 / 25),), HELP: ((0.0, 1 / 60),)},
        ((0.0, agents), (2_000.0, agents - 1), (3_000.0, agents + 1)),
        handling_s=90.0,
        patience_s=patience_s,
        missed=missed,
        callback=0.2,
        withdrawn=0.1,
        break_every_s=1_500.0,
        length_s=3_600.0,
    )


def live(figures: QueueFigures) -> dict[Count, int]:
    """The live counters in the report's names."""
    return {
        Count.OFFERED: figures.offered,
        Count.ANSWERED: figures.answered,
        Count.ANSWERED_IN_TIME: figures.answered_in_time,
        Count.ABANDONED: figures.abandoned,
        Count.ABANDONED_SHORT: figures.abandoned_short,
        Count.OVERFLOWED: figures.overflowed,
        Count.CALLBACKS: figures.callbacks,
        Count.WITHDRAWN: figures.withdrawn,
        Count.FAILED: figures.failed,
        Count.WAITING: figures.waiting,
        Count.ANNOUNCED_WAIT_KEPT: figures.announced_waits_kept,
        Count.ANNOUNCED_WAIT_EXCEEDED: figures.announced_waits_exceeded,
    }


def assert_live_agrees(line: GroupRow, figures: QueueFigures) -> None:
    """The report says what the wallboard says."""
    expected = live(figures)
    assert {count: line.counts[count] for count in expected} == expected
    assert (line.offers, line.misses) == (figures.offers, figures.misses)
    assert line.figures[Figure.SERVICE_LEVEL] == figures.service_level
    assert line.figures[Figure.AVERAGE_SPEED_OF_ANSWER_S] == pytest.approx(figures.average_speed_of_answer_s)


def assert_receipts_fit(rows: list[QueueVisitRow], found: Report, line: GroupRow) -> None:
    """Every figure of a line is what its receipt adds up to."""
    for definition in (*SHARES, *MEANS, *PERCENTILES):
        value = line.figures[definition.figure]
        shown = receipt(rows, found.query, line.group, definition.figure)
        if value is None:
            assert shown.over == ()
        elif definition in SHARES:
            assert value == len(shown.counted) / len(shown.over)
        elif definition in MEANS:
            assert value == pytest.approx(math.fsum(item.seconds or 0.0 for item in shown.over) / len(shown.over))
        else:
            assert value == shown.counted[-1].seconds
    for count in Count:
        assert len(visits_in(rows, found.query, line.group, count)) == line.counts[count]


GROUPINGS = [frozenset[By](), *(frozenset({by}) for by in By), frozenset(By)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    agents=st.integers(2, 7),
    patience_s=st.sampled_from([30.0, 90.0, 300.0]),
    missed=st.sampled_from([0.0, 0.1, 0.4]),
)
def test_any_day_balances_in_every_group_and_says_what_the_wallboard_says(
    seed: int, agents: int, patience_s: float, missed: float
) -> None:
    kept = Kept(varied(agents, patience_s, missed), seed)
    for by, interval in product(GROUPINGS, Interval):
        found = report(kept.rows, replace(DAY, by=by, interval=interval))
        assert all(line.is_balanced for line in (*found.rows, found.total))
        for count in Count:
            assert found.total.counts[count] == sum(line.counts[count] for line in found.rows)
        assert found.total.offers == sum(row.offers for row in kept.rows) == sum(line.offers for line in found.rows)
        assert found.total.misses == sum(row.misses for row in kept.rows) == sum(line.misses for line in found.rows)
    by_queue = report(kept.rows, DAY)
    for line in by_queue.rows:
        assert line.group.queue is not None
        assert_live_agrees(line, kept.day.dispatcher.metrics.queues[line.group.queue])
    by_agent = report(kept.rows, replace(DAY, by=frozenset({By.AGENT})), spans(kept.changes, at(kept.day.now)))
    assert by_agent.rows
    for line in by_agent.rows:
        if line.group.agent:
            view = kept.day.dispatcher.agent(line.group.agent or NOBODY, kept.day.now)
            assert view is not None
            assert line.figures[Figure.OCCUPANCY] == pytest.approx(view.figures.occupancy, rel=1e-3)
            assert line.counts[Count.ANSWERED] == view.figures.answered


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_figure_is_what_its_receipt_adds_up_to(by: frozenset[By]) -> None:
    kept = Kept(varied(4, 90.0, 0.1), seed=5)
    query = replace(LATER, by=by, interval=Interval.HALF_HOUR, first_call_days=1)
    found = report(kept.rows, query)
    assert found.total.counts[Count.FIRST_CALLS] > 0
    assert found.total.counts[Count.ANNOUNCED_WAIT] > 0
    for line in (*found.rows[:6], found.total):
        assert_receipts_fit(kept.rows, found, line)


def test_endings_are_exclusive() -> None:
    for row in sample_visits():
        counts = report([row], DAY).total.counts
        assert sum(counts[ending] for ending in ENDINGS) == 1
