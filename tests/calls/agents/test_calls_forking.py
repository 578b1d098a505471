"""The phones of one offer: the table row by row, and what it promises whatever the phones do."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.agents.forking import (
    PHONES_MAX,
    REACTION_S,
    SHARE_MIN_S,
    TABLE,
    AllLost,
    Forking,
    ForkOutput,
    GiveUp,
    GiveUpReason,
    PhoneAction,
    PhoneInput,
    PhoneRings,
    PhoneState,
    PhoneTaken,
    SendInvite,
    most_telling,
)

RING_S = 20.0


def rung(*preferences: float) -> Forking:
    phones = Forking(preferences, RING_S)
    phones.start(0.0)
    return phones


def test_every_state_that_is_open_can_be_closed_and_no_other_has_rows() -> None:
    open_states = {PhoneState.WAITING, PhoneState.CALLED, PhoneState.RINGING}
    assert {state for state, _ in TABLE} == open_states
    assert all((state, PhoneInput.CLOSE) in TABLE for state in open_states)


def test_phone_that_was_sent_an_invite_is_never_forgotten_without_being_given_up() -> None:
    for (state, stimulus), row in TABLE.items():
        is_of_the_phone = stimulus in (PhoneInput.REFUSED, PhoneInput.DECLINED, PhoneInput.ANSWERED)
        if state is not PhoneState.WAITING and row.state in (PhoneState.LOST, PhoneState.CLOSED):
            assert is_of_the_phone or PhoneAction.GIVE_UP in row.actions


def test_phones_of_one_preference_are_called_together() -> None:
    assert Forking([1.0, 1.0, 0.5], RING_S).start(0.0) == [SendInvite(0), SendInvite(1)]


def test_first_answer_takes_the_call_and_all_others_are_given_up() -> None:
    phones = rung(1.0, 1.0, 1.0)
    assert phones.answered(1) == [
        GiveUp(0, GiveUpReason.ANSWERED_ELSEWHERE),
        GiveUp(2, GiveUpReason.ANSWERED_ELSEWHERE),
        PhoneTaken(1),
    ]
    assert phones.answered(0) == []
    assert phones.is_over


def test_phone_that_waited_its_turn_is_not_given_up_because_it_never_rang() -> None:
    phones = rung(1.0, 0.5)
    assert phones.answered(0) == [PhoneTaken(0)]
    assert phones.next_deadline() is None


def test_busy_phone_is_no_miss_while_another_rings() -> None:
    phones = rung(1.0, 1.0)
    phones.progress(1, 180)
    assert phones.refused(0, 486, "Busy Here", 1.0) == []
    assert phones.answered(1) == [PhoneTaken(1)]


@pytest.mark.parametrize("status", [600, 603, 604, 606])
def test_6xx_declines_for_all_phones(status: int) -> None:
    phones = rung(1.0, 1.0, 0.5)
    assert phones.refused(0, status, "Decline", 1.0) == [
        GiveUp(1, GiveUpReason.DECLINED_ELSEWHERE),
        AllLost(status, "Decline"),
    ]
    assert phones.is_over


def test_lower_preference_is_called_at_once_when_the_higher_one_is_lost() -> None:
    phones = rung(1.0, 0.5)
    assert phones.refused(0, 486, "Busy Here", 1.0) == [SendInvite(1)]


def test_lower_preference_joins_when_the_time_share_of_the_higher_one_is_over() -> None:
    phones = rung(1.0, 0.5)
    phones.progress(0, 180)
    assert phones.next_deadline() == RING_S / 2
    assert phones.handle_deadline(RING_S / 2) == [SendInvite(1)]
    assert phones.answered(0) == [GiveUp(1, GiveUpReason.ANSWERED_ELSEWHERE), PhoneTaken(0)]


def test_short_ring_time_leaves_each_preference_its_least_share() -> None:
    phones = Forking([1.0, 0.9, 0.8], 2.0)
    phones.start(0.0)
    phones.progress(0, 180)
    assert phones.next_deadline() == SHARE_MIN_S


def test_silent_phone_is_lost_after_the_reaction_time_and_the_next_one_gets_its_own() -> None:
    phones = rung(1.0, 0.5)
    assert phones.handle_deadline(REACTION_S) == [GiveUp(0, GiveUpReason.SILENT), SendInvite(1)]
    assert phones.next_deadline() == 2 * REACTION_S
    assert phones.handle_deadline(2 * REACTION_S) == [GiveUp(1, GiveUpReason.SILENT), AllLost(408, "")]


def test_phone_that_said_180_is_never_silent() -> None:
    phones = rung(1.0)
    assert phones.progress(0, 180) == [PhoneRings(0, 180)]
    assert phones.next_deadline() is None


def test_dead_phone_says_nothing_of_the_agent_while_another_one_spoke() -> None:
    assert most_telling([(408, ""), (486, "Busy Here"), (503, "")]) == (486, "Busy Here")
    assert most_telling([(503, ""), (488, "Not Acceptable Here")]) == (488, "Not Acceptable Here")
    assert most_telling([(486, "Busy Here"), (403, "Forbidden")]) == (403, "Forbidden")
    assert most_telling([(408, ""), (480, "Temporarily Unavailable")]) == (408, "")


def test_no_more_phones_are_called_than_the_limit() -> None:
    assert len(Forking([1.0] * (PHONES_MAX + 3), RING_S).start(0.0)) == PHONES_MAX


def test_withdrawn_phones_are_given_up_once_and_tell_nothing() -> None:
    phones = rung(1.0, 1.0, 0.5)
    assert phones.withdraw() == [GiveUp(0, GiveUpReason.WITHDRAWN), GiveUp(1, GiveUpReason.WITHDRAWN)]
    assert phones.withdraw() == []
    assert phones.refused(0, 603, "Decline", 1.0) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("progress"), st.integers(0, 3), st.sampled_from([180, 183])),
        st.tuples(st.just("answer"), st.integers(0, 3), st.just(200)),
        st.tuples(st.just("refuse"), st.integers(0, 3), st.sampled_from([302, 408, 480, 486, 503, 603])),
        st.tuples(st.just("wait"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("withdraw"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@given(st.lists(st.sampled_from([1.0, 0.7, 0.3]), min_size=1, max_size=4), STEPS)
def test_at_most_one_phone_is_taken_and_every_other_that_was_called_is_lost_or_given_up(
    preferences: list[float], steps: list[tuple[str, int, int]]
) -> None:
    phones = Forking(sorted(preferences, reverse=True), RING_S)
    now = 0.0
    out: list[ForkOutput] = phones.start(now)
    spoken: set[int] = set()
    for kind, number, status in steps:
        phone = number % len(preferences)
        is_called = phones.state(phone) in (PhoneState.CALLED, PhoneState.RINGING)
        match kind:
            case "progress" if is_called:
                out += phones.progress(phone, status)
            case "answer" if is_called:
                out += phones.answered(phone)
            case "refuse" if is_called:
                spoken.add(phone)
                out += phones.refused(phone, status, "", now)
            case "wait":
                now += number
                out += phones.handle_deadline(now)
            case "withdraw":
                out += phones.withdraw()
    called = [one.phone for one in out if isinstance(one, SendInvite)]
    given_up = [one.phone for one in out if isinstance(one, GiveUp)]
    ends = [one for one in out if isinstance(one, PhoneTaken | AllLost)]
    assert len(called) == len(set(called))
    assert len(given_up) == len(set(given_up))
    assert len(ends) <= 1
    if phones.is_over:
        taken = {one.phone for one in out if isinstance(one, PhoneTaken)}
        assert set(called) == spoken | set(given_up) | taken
        assert phones.next_deadline() is None
    else:
        assert not ends


@pytest.mark.parametrize("order", list(itertools.permutations([408, 486, 503])))
def test_status_of_all_phones_does_not_depend_on_who_was_lost_first(order: tuple[int, ...]) -> None:
    phones = rung(1.0, 1.0, 1.0)
    out: list[ForkOutput] = []
    for phone, status in enumerate(order):
        out += phones.refused(phone, status, "", 1.0)
    assert out == [AllLost(486, "")]
