"""The session table: its shape, and the promises that each way through it keeps."""

import pytest

from acdcore.sip.session.table import TABLE, SessionAction, SessionInput, SessionRow, SessionState

S, Given = SessionState, SessionInput
ENDINGS = frozenset(
    {SessionAction.TELL_CANCELLED, SessionAction.TELL_REFUSED, SessionAction.TELL_GIVEN_UP, SessionAction.TELL_ENDED}
)
HEARD_AS_OVER = frozenset({S.DEPARTING, S.LEAVING, S.OVER})
ROWS = [pytest.param(state, given, row, id=f"{state} + {given}") for (state, given), row in TABLE.items()]


def test_every_state_is_reached_and_left() -> None:
    reached = {row.state for row in TABLE.values()} | {S.INVITED, S.CALLING}
    assert reached == set(SessionState)
    assert {state for state, _ in TABLE} == set(SessionState) - {S.OVER}


def test_every_input_has_a_row() -> None:
    assert {given for _, given in TABLE} == set(SessionInput)


def test_every_deed_is_in_some_row() -> None:
    assert {action for row in TABLE.values() for action in row.actions} == set(SessionAction)


@pytest.mark.parametrize("state", [state for state in SessionState if state is not S.OVER])
def test_every_state_ends_by_itself(state: SessionState) -> None:
    """From each state a way that needs neither peer nor call control leads out, except while people ring or talk."""
    waiting_for_people = {S.INVITED, S.CONFIRMED}
    by_timer = {Given.ACK_TIMEOUT, Given.RING_LIMIT, Given.CANCEL_TIMEOUT, Given.BYE_DONE, Given.FAILURE}
    assert state in waiting_for_people or any((state, given) in TABLE for given in by_timer)


@pytest.mark.parametrize(("state", "given", "row"), ROWS)
def test_call_control_hears_one_end_at_most(state: SessionState, given: SessionInput, row: SessionRow) -> None:
    assert len(ENDINGS & set(row.actions)) <= 1
    if state in (S.DEPARTING, S.LEAVING):
        assert not ENDINGS & set(row.actions), "it was told already, or hung up itself"


@pytest.mark.parametrize(("state", "given", "row"), ROWS)
def test_a_session_that_ends_is_told_unless_call_control_ended_it(
    state: SessionState, given: SessionInput, row: SessionRow
) -> None:
    if row.state not in HEARD_AS_OVER or state in HEARD_AS_OVER or given in (Given.HANG_UP, Given.REFUSE):
        return
    assert ENDINGS & set(row.actions)


@pytest.mark.parametrize(("state", "given", "row"), ROWS)
def test_bye_is_sent_whenever_a_dialog_is_left_that_the_peer_did_not_end(
    state: SessionState, given: SessionInput, row: SessionRow
) -> None:
    if row.state is S.LEAVING and state is not S.LEAVING:
        assert SessionAction.SEND_BYE in row.actions


def test_no_bye_before_the_ack() -> None:
    assert TABLE[S.ANSWERED, Given.HANG_UP].actions == ()
    assert TABLE[S.DEPARTING, Given.ACK].actions == (SessionAction.SEND_BYE,)


def test_no_cancel_before_a_provisional_response() -> None:
    assert TABLE[S.CALLING, Given.HANG_UP] == SessionRow(S.ABANDONED)
    assert TABLE[S.ABANDONED, Given.PROVISIONAL].actions == (SessionAction.SEND_CANCEL,)


@pytest.mark.parametrize("state", [S.ABANDONED, S.CANCELLING])
def test_2xx_after_hanging_up_is_acknowledged_and_ended(state: SessionState) -> None:
    row = TABLE[state, Given.SUCCESS]
    assert row.actions[:2] == (SessionAction.SEND_ACK, SessionAction.SEND_BYE)
    assert SessionAction.TELL_ANSWERED not in row.actions
