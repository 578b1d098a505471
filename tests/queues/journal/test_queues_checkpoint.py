"""Obligations of the checkpoint: a floor that was put away and taken out again goes on as if nothing had been."""

from dataclasses import fields, replace
from typing import Any

import pytest
from tests.queues.shift import AGENTS, SALES, Shift, floor

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.agent import Agent
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.estimate import Estimator
from acdcore.queues.inputs import CallerJoined, EntryId
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.checkpoint import AgentFacts, EntryState, FloorState, LineState, OfferState, StateError
from acdcore.queues.journal.lines import read_record, write_state
from acdcore.queues.live_figures import Metrics
from acdcore.queues.policy import Demand
from acdcore.queues.roster import Roster
from acdcore.queues.settings import AgentSettings, FloorSettings
from acdcore.queues.state import Board
from acdcore.queues.waiting_line import Line, Lines, Offer, Waiting


def by_way_of_a_line(dispatcher: Dispatcher) -> Dispatcher:
    state = read_record(write_state(checkpoint.dump(dispatcher)))
    assert isinstance(state, FloorState)
    return checkpoint.load(state)


def written(dispatcher: Dispatcher) -> str:
    return write_state(checkpoint.dump(dispatcher))


def busy_floor(seed: int, turns: int = 400) -> tuple[Dispatcher, Shift]:
    dispatcher, shift = Dispatcher(floor()), Shift(seed)
    for at, fed in shift.inputs(dispatcher, turns):
        shift.learn(dispatcher.handle(fed, at))
    return dispatcher, shift


@pytest.mark.parametrize("seed", range(24))
def test_any_further_inputs_lead_to_the_same_decisions(seed: int) -> None:
    dispatcher, shift = busy_floor(seed, 150 + 25 * seed)
    again = by_way_of_a_line(dispatcher)
    for at, fed in shift.inputs(dispatcher, 300):
        decisions = dispatcher.handle(fed, at)
        assert again.handle(fed, at) == decisions
        assert again.next_deadline() == dispatcher.next_deadline()
        shift.learn(decisions)
    assert again.snapshot(shift.now) == dispatcher.snapshot(shift.now)
    assert written(again) == written(dispatcher)


def test_a_shift_has_everything_that_a_floor_may_hold() -> None:
    entries, offers, kept, paused, rings = 0, 0, 0, 0, 0
    for seed in range(24):
        state = checkpoint.dump(busy_floor(seed, 150 + 25 * seed)[0])
        entries += sum(entry.talking_to is not None for entry in state.entries)
        offers += len(state.offers)
        kept += sum(line.demand.only is not None for line in state.lines)
        paused += sum(entry.is_paused for entry in state.entries)
        rings += sum(entry.visit.ring > 0 for entry in state.entries)
    assert min(entries, offers, kept, paused, rings) > 0, (entries, offers, kept, paused, rings)


def test_taking_the_state_changes_nothing() -> None:
    dispatcher, shift = busy_floor(3)
    untouched, _ = busy_floor(3)
    checkpoint.dump(dispatcher)
    for at, fed in shift.inputs(dispatcher, 200):
        decisions = dispatcher.handle(fed, at)
        assert untouched.handle(fed, at) == decisions
        shift.learn(decisions)


def test_state_shares_nothing_that_changes() -> None:
    dispatcher, shift = busy_floor(5)
    state = checkpoint.dump(dispatcher)
    before = write_state(state)
    for at, fed in shift.inputs(dispatcher, 200):
        shift.learn(dispatcher.handle(fed, at))
    assert write_state(state) == before


def test_two_floors_of_one_state_share_nothing() -> None:
    dispatcher, shift = busy_floor(6)
    state = checkpoint.dump(dispatcher)
    first, second = checkpoint.load(state), checkpoint.load(state)
    for at, fed in shift.inputs(first, 200):
        shift.learn(first.handle(fed, at))
    assert written(second) == write_state(state)


def test_new_floor_survives() -> None:
    assert written(by_way_of_a_line(Dispatcher(floor()))) == written(Dispatcher(floor()))


def test_state_of_parts_that_do_not_fit_is_refused() -> None:
    state = checkpoint.dump(busy_floor(7)[0])
    entry = next(entry for entry in state.entries if entry.talking_to is None)
    stray = replace(entry, entry=EntryId("stray"), talking_to=AgentId("nobody"))
    for broken in (
        replace(state, edition=99),
        replace(state, lines=()),
        replace(state, lines=(LineState(1, QueueName("gone"), Demand({})), *state.lines)),
        replace(state, entries=(*state.entries, stray)),
    ):
        with pytest.raises(StateError):
            checkpoint.load(broken)


# What each part holds, and where it is kept; a field more must be kept too, or follow from the rest.


@pytest.mark.parametrize(
    ("whole", "kept", "follows"),
    [
        (
            Board(FloorSettings()),
            {"lines", "roster", "entries", "offers", "deadlines", "estimator", "closed", "offers_made", "entries_made"}
            | {"now"},
            {"out", "dirty", "freed", "witness"},  # the last one belongs to whoever asks, not to the floor
        ),
        (Dispatcher(FloorSettings()), {"metrics", "_board"}, set()),
        (Metrics(), {"queues", "work", "agents"}, {"items"}),
        (Lines(FloorSettings()), {"edition", "former", "_lines"}, {"_of_queue"}),
        (Roster(), {"_agents"}, {"_seats"}),
        (Agent(AgentSettings(AGENTS[0]), 0.0), {each.name for each in fields(AgentFacts)}, set()),
        (
            Line(Board(FloorSettings()).lines.edition, floor().queues[0], Demand({})),
            {"edition", "queue", "demand"},
            {"waiting", "paused", "ringing", "ready", "on_duty"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_attribute_is_forgotten(whole: object, kept: set[str], follows: set[str]) -> None:
    assert set(vars(whole)) == kept | follows


@pytest.mark.parametrize(
    ("kind", "state", "elsewhere"),
    [
        (Waiting, EntryState, set[str]()),
        (Offer, OfferState, {"waiting"}),
        (Estimator, FloorState, set[str]()),
    ],
)
def test_no_field_is_forgotten(kind: Any, state: Any, elsewhere: set[str]) -> None:
    names = {each.name for each in fields(kind)}
    assert names - elsewhere <= {each.name for each in fields(state)}


def test_older_state_without_a_later_field_is_read() -> None:
    line = write_state(checkpoint.dump(busy_floor(2)[0]))
    assert '"is_by_hand":false,' in line
    older = read_record(line.replace('"is_by_hand":false,', '"colour":"red",'))
    assert isinstance(older, FloorState)
    assert write_state(older) == line


def test_joined_caller_is_kept_as_asked() -> None:
    dispatcher = Dispatcher(floor())
    joined = CallerJoined(EntryId("e"), SALES, 60.0, label="13800138000", waited_s=12.0)
    dispatcher.handle(joined, 100.0)
    (entry,) = checkpoint.dump(dispatcher).entries
    assert (entry.asked, entry.joined_at) == (joined, 88.0)
