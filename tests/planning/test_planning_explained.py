"""Obligations of the explanation of past calls: it has each decision with its basis, and how each offer ended."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.queues.shift import Shift, dispatcher_settings

from acdcore.kernel.ids import AgentId, CallId, QueueName, SkillName
from acdcore.planning.explained import (
    CallExplanation,
    OfferOutcome,
    arrived_at,
    candidate_segments,
    explain,
    moment_after,
)
from acdcore.queues.decisions import (
    Connected,
    Decision,
    Departed,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    TalkFinished,
    Widened,
    WithdrawCause,
)
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    CallerLeft,
    DeadlinePassed,
    EntryId,
    Input,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
)
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.lines import Header, Mark, MarkKind, write, write_header, write_mark, write_state
from acdcore.queues.settings import (
    AgentSettings,
    DispatcherSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToFlow,
    WideningStep,
)
from acdcore.queues.views import Exclusion
from acdcore.storage.journal.files import pack, segment_files, segment_path

DAY = date(2026, 11, 5)
BEGAN = datetime(2026, 11, 5, 1, tzinfo=UTC)
CALL, OTHER = CallId("20261105T010010000-000001"), CallId("20261105T010012000-000002")
ENTRY, OTHERS = EntryId(f"{CALL}/1"), EntryId(f"{OTHER}/2")
SALES, TALK, YUE = QueueName("sales"), SkillName("talk"), SkillName("yue")
ANNA, BO = AgentId("1001"), AgentId("1002")
SETTINGS = DispatcherSettings(
    (
        QueueSettings(
            SALES,
            {TALK: 1, YUE: 2},
            widening=(WideningStep(20.0, {YUE: 0}),),
            max_wait_s=60.0,
            overflow=(OverflowRule(OverflowCause.WAIT, ToFlow("message")),),
            wrap_up_s=10.0,
        ),
    )
)
STAFF: list[tuple[float, Input]] = [
    (1.0, AgentPhoneUp(ANNA)),
    (1.0, AgentLoggedIn(AgentSettings(ANNA, "Anna", {TALK: 1, YUE: 2}))),
    (1.0, AgentPhoneUp(BO)),
    (1.0, AgentLoggedIn(AgentSettings(BO, "Bo", {TALK: 5}))),
]
SERVED: list[tuple[float, Input]] = [
    *STAFF,
    (10.0, CallerJoined(ENTRY, SALES, label="0215550101")),
    (12.0, CallerJoined(OTHERS, SALES)),
    (14.0, AgentReady(BO)),
    (18.0, AgentReady(ANNA)),
    (22.0, OfferEnded(OfferId(1), OfferEnd.REFUSED)),
    (30.0, DeadlinePassed()),
    (33.0, OfferAccepted(OfferId(2))),
    (40.0, CallerLeft(OTHERS)),
    (90.0, TalkEnded(ENTRY)),
    (95.0, AgentReady(BO)),
]


class Writer:
    """A dispatcher that writes its journal, as the daemon does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dispatcher = Dispatcher(SETTINGS)
        self.decisions: list[Decision] = []

    def segment(self, turns: list[tuple[float, Input]], began_s: float = 0.0, mark: MarkKind | None = None) -> Path:
        """Write one that begins so many seconds after the dispatcher; times of turns are those of the dispatcher."""
        began = BEGAN + timedelta(seconds=began_s)
        text = [write_header(Header(began, began_s, SETTINGS, "0.4.0"))]
        if began_s:
            text.append(write_state(checkpoint.dump(self.dispatcher)))
        for at, event in turns:
            decided = self.dispatcher.handle(event, at)
            self.decisions += decided
            text.append(write(at, event, decided))
        if mark is not None:
            text.append(write_mark(Mark(mark, turns[-1][0])))
        path = segment_path(self.directory, DAY, began)
        path.write_text("".join(f"{line}\n" for line in text))
        return path


def kinds(explained: CallExplanation) -> list[type[object]]:
    return [type(step.fact) for step in explained.steps]


def test_offer_is_told_with_candidates_competing_callers_and_its_end(tmp_path: Path) -> None:
    explained = explain([Writer(tmp_path).segment(SERVED)], CALL)
    assert (explained.label, explained.is_as_recorded, explained.problems) == ("0215550101", True, ())
    assert (explained.names[ANNA], explained.names[BO]) == ("Anna", "Bo")
    first, second = explained.offers
    why = first.evidence.explanation
    assert [(each.agent, each.exclusion, each.detail) for each in why.candidates] == [
        (ANNA, None, ""),
        (BO, Exclusion.SKILL_MISSING, YUE),
    ]
    assert (first.wall, why.position, why.waited_s) == (BEGAN + timedelta(seconds=18), 1, 8.0)
    assert [(other.entry, other.excluded_by) for other in first.evidence.competing_callers] == [(OTHERS, None)]
    assert first.ended is not None
    assert (first.ended.outcome, first.ended.cause, first.ended.rang_s) == (OfferOutcome.MISSED, "refused", 4.0)
    assert (second.offered.agent, second.evidence.explanation.needs) == (BO, {TALK: 1})
    assert second.ended is not None
    assert (second.ended.outcome, second.ended.rang_s) == (OfferOutcome.ANSWERED, 3.0)


def test_trace_has_every_step_of_the_call_and_none_of_others(tmp_path: Path) -> None:
    explained = explain([Writer(tmp_path).segment(SERVED)], CALL)
    assert kinds(explained) == [Queued, Offered, OfferMissed, Widened, Offered, Connected, TalkFinished]
    queued, widened = explained.steps[0], explained.steps[3]
    assert queued.explanation is not None
    assert [each.exclusion for each in queued.explanation.candidates] == [Exclusion.SKILL_MISSING, Exclusion.NOT_READY]
    assert widened.evidence is not None and widened.explanation is not None
    assert (widened.evidence.explanation.needs, widened.explanation.needs) == ({TALK: 1, YUE: 2}, {TALK: 1})
    assert {step.entry for step in explained.steps} == {ENTRY}


def test_caller_who_gave_up_or_overflowed_is_told_with_the_dispatcher_of_that_moment(tmp_path: Path) -> None:
    turns = [
        *STAFF,
        (10.0, CallerJoined(ENTRY, SALES)),
        (11.0, CallerJoined(OTHERS, SALES)),
        (20.0, CallerLeft(OTHERS)),
    ]
    turns += [(30.0, DeadlinePassed()), (70.0, DeadlinePassed())]
    path = Writer(tmp_path).segment(turns)
    gave_up, sent_on = explain([path], OTHER), explain([path], CALL)
    assert kinds(gave_up) == [Queued, Departed]
    assert gave_up.steps[1].explanation is not None
    assert gave_up.steps[1].explanation.position == 2
    assert kinds(sent_on) == [Queued, Widened, Overflowed]
    evidence = sent_on.steps[2].evidence
    assert evidence is not None
    assert [each.exclusion for each in evidence.explanation.candidates] == [Exclusion.NOT_READY] * 2


@pytest.mark.parametrize(
    ("seconds", "needs", "ringing"), [(13, {TALK: 1, YUE: 2}, None), (20, {TALK: 1, YUE: 2}, ANNA), (31, {TALK: 1}, BO)]
)
def test_any_moment_of_the_wait_can_be_asked_for(
    tmp_path: Path, seconds: int, needs: dict[SkillName, int], ringing: AgentId | None
) -> None:
    at = time(9, 0, seconds)
    explained = explain([Writer(tmp_path).segment(SERVED)], CALL, at, ZoneInfo("Asia/Shanghai"))
    standing = explained.moment
    assert standing is not None
    assert standing.wall == BEGAN + timedelta(seconds=seconds)
    assert (standing.explanation.needs, standing.explanation.ringing) == (needs, ringing)
    assert standing.explanation.waited_s == seconds - 10


@pytest.mark.parametrize("at", [time(1, 0, 9), time(1, 1), time(2, 0)])
def test_moment_outside_of_the_wait_has_no_standing(tmp_path: Path, at: time) -> None:
    assert explain([Writer(tmp_path).segment(SERVED)], CALL, at).moment is None


def test_moment_after_the_last_news_is_folded_up_to_while_the_call_waits(tmp_path: Path) -> None:
    turns = [*STAFF, (10.0, CallerJoined(ENTRY, SALES)), (15.0, AgentReady(BO)), (25.0, AgentReady(BO))]
    explained = explain([Writer(tmp_path).segment(turns)], CALL, time(1, 0, 20))
    assert explained.moment is not None
    assert [each.exclusion for each in explained.moment.explanation.candidates] == [
        Exclusion.SKILL_MISSING,
        Exclusion.NOT_READY,
    ]
    assert explained.moment.explanation.would_change[0].startswith("widening step 1 drops yue (in 10 s)")


def test_call_goes_on_in_the_next_segment(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    first = writer.segment(SERVED[:8], mark=MarkKind.CONTINUED)
    second = writer.segment(SERVED[8:], began_s=20.0)
    pack(first)
    explained = explain(candidate_segments(segment_files(tmp_path), CALL), CALL)
    assert kinds(explained) == [Queued, Offered, OfferMissed, Widened, Offered, Connected, TalkFinished]
    assert [offer.ended.outcome for offer in explained.offers if offer.ended] == [
        OfferOutcome.MISSED,
        OfferOutcome.ANSWERED,
    ]
    assert explain([second], CALL).label == "0215550101"
    asked = explain(candidate_segments(segment_files(tmp_path), CALL), CALL, time(1, 0, 21))
    assert asked.moment is not None
    assert asked.moment.explanation.ringing == ANNA


def test_only_segments_of_the_call_are_looked_at(tmp_path: Path) -> None:
    for hours in (0, 1, 2, 30):
        segment_path(tmp_path, DAY, BEGAN - timedelta(hours=1) + timedelta(hours=hours)).write_text("rubbish\n")
    found = candidate_segments(segment_files(tmp_path), CALL)
    assert found == [path.path for path in segment_files(tmp_path)][1:3]
    assert len(candidate_segments(segment_files(tmp_path), CallId("no-time"))) == 4
    explained = explain(found, CALL)
    assert (explained.steps, explained.problems) == ((), ())  # what does not name the call is not even read


def test_damaged_segment_is_a_problem_and_tells_what_it_can(tmp_path: Path) -> None:
    path = Writer(tmp_path).segment(SERVED)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:9], "rubbish\n", *lines[9:]]))
    explained = explain([path], CALL)
    assert kinds(explained) == [Queued, Offered]
    assert "line 10" in explained.problems[0]
    assert explained.names[ANNA] == "Anna"


def test_other_decision_of_this_version_is_said(tmp_path: Path) -> None:
    path = Writer(tmp_path).segment(SERVED)
    path.write_text(path.read_text().replace('"is_manual_assignment":false', '"is_manual_assignment":true'))
    assert not explain([path], CALL).is_as_recorded


def test_progress_ends_at_the_calls_last_line(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    explain([Writer(tmp_path).segment(SERVED)], CALL, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(14, 14)]


def test_id_tells_the_arrival() -> None:
    assert arrived_at(CALL) == BEGAN + timedelta(seconds=10)
    assert arrived_at(CallId("w1")) is None


def test_moment_past_midnight_is_of_the_next_day() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    late = datetime(2026, 11, 5, 15, 59, 30, 500_000, UTC)  # half a minute to midnight
    assert moment_after(late, time(0, 0, 10), zone) == datetime(2026, 11, 5, 16, 0, 10, tzinfo=UTC)
    assert moment_after(late, time(23, 59, 30), zone) == late


def test_every_call_of_a_wild_day_is_told_as_it_was_recorded(tmp_path: Path) -> None:
    shift, dispatcher = Shift(7), Dispatcher(dispatcher_settings())
    text = [write_header(Header(BEGAN, shift.now, dispatcher_settings()))]
    offers: dict[EntryId, list[Offered]] = {}
    ends: set[OfferId] = set()
    for at, event in shift.inputs(dispatcher, 600):
        decided = dispatcher.handle(event, at)
        text.append(write(at, event, decided))
        shift.learn(decided)
        for decision in decided:
            if isinstance(decision, Offered):
                offers.setdefault(decision.entry, []).append(decision)
            elif isinstance(decision, Connected | OfferMissed) or (
                isinstance(decision, OfferWithdrawn) and decision.cause is not WithdrawCause.EXPIRED
            ):
                ends.add(decision.offer)
    path = segment_path(tmp_path, DAY, BEGAN)
    path.write_text("".join(f"{line}\n" for line in text).replace('"entry":"', '"entry":"c/'))
    for entry, made in list(offers.items())[:12]:
        explained = explain([path], CallId(f"c/{entry}".rpartition("/")[0]))
        explained_offers = [offer for offer in explained.offers if offer.offered.entry == f"c/{entry}"]
        assert [offer.offered.offer for offer in explained_offers] == [offer.offer for offer in made]
        assert [offer.ended is not None for offer in explained_offers] == [offer.offer in ends for offer in made]
        assert explained.is_as_recorded
