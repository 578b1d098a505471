"""Obligations of the checkpoint: a dispatcher that was dumped and loaded again goes on as if nothing had happened."""

from dataclasses import fields, replace
from typing import Any

import pytest
from tests.queues.shift import AGENTS, SALES, Shift, dispatcher_settings

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.agent import Agent
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.estimate import Estimator
from acdcore.queues.inputs import CallerJoined, EntryId
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.checkpoint import (
    AgentFacts,
    DispatcherCheckpoint,
    EntryState,
    OfferState,
    StateError,
    WaitingLineState,
)
from acdcore.queues.journal.lines import read_record, write_state
from acdcore.queues.live_figures import Metrics
from acdcore.queues.policy import Demand
from acdcore.queues.roster import Roster
from acdcore.queues.settings import AgentSettings, DispatcherSettings
from acdcore.queues.state import DispatcherState
from acdcore.queues.waiting_line import Offer, QueuedCaller, WaitingLine, WaitingLines


def by_way_of_a_line(dispatcher: Dispatcher) -> Dispatcher:
    state = read_record(write_state(checkpoint.dump(dispatcher)))
    assert isinstance(state, DispatcherCheckpoint)
    return checkpoint.load(state)


def written(dispatcher: Dispatcher) -> str:
    return write_state(checkpoint.dump(dispatcher))


def busy_dispatcher(seed: int, turns: int = 400) -> tuple[Dispatcher, Shift]:
    dispatcher, shift = Dispatcher(dispatcher_settings()), Shift(seed)
    for at, event in shift.inputs(dispatcher, turns):
        shift.learn(dispatcher.handle(event, at))
    return dispatcher, shift


@pytest.mark.parametrize("seed", range(24))
def test_any_further_inputs_lead_to_the_same_decisions(seed: int) -> None:
    dispatcher, shift = busy_dispatcher(seed, 150 + 25 * seed)
    again = by_way_of_a_line(dispatcher)
    for at, event in shift.inputs(dispatcher, 300):
        decisions = dispatcher.handle(event, at)
        assert again.handle(event, at) == decisions
        assert again.next_deadline() == dispatcher.next_deadline()
        shift.learn(decisions)
    assert again.snapshot(shift.now) == dispatcher.snapshot(shift.now)
    assert written(again) == written(dispatcher)


def test_a_shift_has_everything_that_a_dispatcher_may_hold() -> None:
    entries, offers, kept, paused, widened = 0, 0, 0, 0, 0
    for seed in range(24):
        state = checkpoint.dump(busy_dispatcher(seed, 150 + 25 * seed)[0])
        entries += sum(entry.talking_to is not None for entry in state.entries)
        offers += len(state.offers)
        kept += sum(line.demand.only is not None for line in state.waiting_lines)
        paused += sum(entry.is_paused for entry in state.entries)
        widened += sum(entry.visit.widening_step > 0 for entry in state.entries)
    assert min(entries, offers, kept, paused, widened) > 0, (entries, offers, kept, paused, widened)


def test_taking_the_state_changes_nothing() -> None:
    dispatcher, shift = busy_dispatcher(3)
    untouched, _ = busy_dispatcher(3)
    checkpoint.dump(dispatcher)
    for at, event in shift.inputs(dispatcher, 200):
        decisions = dispatcher.handle(event, at)
        assert untouched.handle(event, at) == decisions
        shift.learn(decisions)


def test_state_shares_nothing_that_changes() -> None:
    dispatcher, shift = busy_dispatcher(5)
    state = checkpoint.dump(dispatcher)
    before = write_state(state)
    for at, event in shift.inputs(dispatcher, 200):
        shift.learn(dispatcher.handle(event, at))
    assert write_state(state) == before


def test_two_dispatchers_of_one_state_share_nothing() -> None:
    dispatcher, shift = busy_dispatcher(6)
    state = checkpoint.dump(dispatcher)
    first, second = checkpoint.load(state), checkpoint.load(state)
    for at, event in shift.inputs(first, 200):
        shift.learn(first.handle(event, at))
    assert written(second) == write_state(state)


def test_new_dispatcher_survives() -> None:
    assert written(by_way_of_a_line(Dispatcher(dispatcher_settings()))) == written(Dispatcher(dispatcher_settings()))


def test_state_of_parts_that_do_not_fit_is_refused() -> None:
    state = checkpoint.dump(busy_dispatcher(7)[0])
    entry = next(entry for entry in state.entries if entry.talking_to is None)
    stray = replace(entry, entry=EntryId("stray"), talking_to=AgentId("nobody"))
    for broken in (
        replace(state, edition=99),
        replace(state, waiting_lines=()),
        replace(state, waiting_lines=(WaitingLineState(1, QueueName("gone"), Demand({})), *state.waiting_lines)),
        replace(state, entries=(*state.entries, stray)),
    ):
        with pytest.raises(StateError):
            checkpoint.load(broken)


# What each part holds, and where it is kept; a field more must be kept too, or follow from the rest.


@pytest.mark.parametrize(
    ("whole", "kept", "follows"),
    [
        (
            DispatcherState(DispatcherSettings()),
            {"lines", "roster", "entries", "offers", "deadlines", "estimator", "closed", "offers_made", "entries_made"}
            | {"now"},
            {"decisions", "dirty", "freed", "trace"},  # the last one belongs to the caller of `handle_traced`
        ),
        (Dispatcher(DispatcherSettings()), {"metrics", "_state"}, set()),
        (Metrics(), {"queues", "work", "agents"}, {"items"}),
        (WaitingLines(DispatcherSettings()), {"edition", "former", "_lines"}, {"_of_queue"}),
        (Roster(), {"_agents"}, {"_served_lines"}),
        (Agent(AgentSettings(AGENTS[0]), 0.0), {each.name for each in fields(AgentFacts)}, set()),
        (
            WaitingLine(
                DispatcherState(DispatcherSettings()).lines.edition, dispatcher_settings().queues[0], Demand({})
            ),
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
        (QueuedCaller, EntryState, set[str]()),
        (Offer, OfferState, {"waiting"}),
        (Estimator, DispatcherCheckpoint, set[str]()),
    ],
)
def test_no_field_is_forgotten(kind: Any, state: Any, elsewhere: set[str]) -> None:
    names = {each.name for each in fields(kind)}
    assert names - elsewhere <= {each.name for each in fields(state)}


def test_older_state_without_a_later_field_is_read() -> None:
    line = write_state(checkpoint.dump(busy_dispatcher(2)[0]))
    assert '"is_manual_assignment":false,' in line
    older = read_record(line.replace('"is_manual_assignment":false,', '"colour":"red",'))
    assert isinstance(older, DispatcherCheckpoint)
    assert write_state(older) == line


def test_joined_caller_is_kept_as_asked() -> None:
    dispatcher = Dispatcher(dispatcher_settings())
    joined = CallerJoined(EntryId("e"), SALES, 60.0, label="13800138000", waited_s=12.0)
    dispatcher.handle(joined, 100.0)
    (entry,) = checkpoint.dump(dispatcher).entries
    assert (entry.asked, entry.joined_at) == (joined, 88.0)
