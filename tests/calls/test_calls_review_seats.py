"""Hot desks: one agent at a phone, whoever it belongs to, also by feature code and after a restart."""

import pytest
from tests.calls.house import SERVICE_LINE, VIP, House, opened, password
from tests.calls.phone import Phone

from acdcore.calls.commands import AgentCommand, AgentState, Seat, SeatKind, WrongState
from acdcore.calls.seats import read, written
from acdcore.kernel.ids import AgentId
from acdcore.queues import checkpoint
from acdcore.queues.model import AgentRestored

pytestmark = pytest.mark.looptime

DESK = Seat(SeatKind.PHONE, "1009")
MOBILE = Seat(SeatKind.NUMBER, "02155500")


async def desk_with_guest(house: House) -> Phone:
    """Agent 1001 works at the phone of agent 1009, who is at home."""
    desk = house.employ("1009")
    desk.register(password("1009"))
    house.employ("1001")
    await house.pass_time(0.1)
    sit(house, "1001", DESK)
    house.command("1001", AgentCommand.READY)
    return desk


def sit(house: House, agent: str, seat: Seat | None) -> None:
    """Log in there."""
    house.operations.set_agent_state(AgentId(agent), AgentCommand.LOG_IN, None, seat)


async def test_owner_cannot_log_in_at_a_phone_where_a_guest_works() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        with pytest.raises(WrongState, match="agent 1001 works at phone 1009"):
            sit(house, "1009", None)
        assert house.state("1009") is AgentState.LOGGED_OUT
        house.command("1001", AgentCommand.LOG_OUT)
        sit(house, "1009", None)
        assert house.state("1009") is AgentState.NOT_READY


async def test_guest_cannot_sit_down_at_a_phone_where_its_owner_or_another_guest_works() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        house.employ("1002")
        with pytest.raises(WrongState, match="agent 1001"):
            sit(house, "1002", DESK)
        house.command("1001", AgentCommand.LOG_OUT)
        sit(house, "1009", None)
        with pytest.raises(WrongState, match="agent 1009"):
            sit(house, "1002", DESK)
        sit(house, "1009", MOBILE)  # whose own phone is free now
        sit(house, "1002", DESK)
        assert house.operations.agent(AgentId("1002")).is_registered


async def test_feature_code_is_for_the_agent_who_works_at_the_phone() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        desk.call("*132", password=password("1009"))
        await house.pass_time(0.2)
        assert house.state("1001") is AgentState.NOT_READY
        await house.pass_time(2)
        live = house.operations.agent(AgentId("1001"))
        assert (live.state, live.reason) == (AgentState.NOT_READY, "lunch")
        desk.call("*11", password=password("1009"))
        await house.pass_time(2)
        assert house.state("1001") is AgentState.READY
        assert house.hall.desks.seat(AgentId("1001")) == DESK
        assert house.state("1009") is AgentState.LOGGED_OUT


async def test_guest_listening_to_a_feature_code_is_not_rung_meanwhile() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        desk.call("*12", password=password("1009"))
        await house.pass_time(0.2)
        assert house.state("1001") is AgentState.BUSY
        await house.pass_time(2)
        assert house.state("1001") is AgentState.READY


async def test_guest_is_unreachable_while_the_phone_is_gone_and_its_owner_keeps_the_duty_elsewhere() -> None:
    async with opened() as house:
        desk = await desk_with_guest(house)
        sit(house, "1009", MOBILE)
        desk.register(password("1009"), expires_s=0)
        await house.pass_time(0.1)
        assert house.state("1001") is AgentState.UNREACHABLE
        assert house.state("1009") is AgentState.NOT_READY
        desk.register(password("1009"))
        await house.pass_time(0.1)
        assert house.state("1001") is AgentState.READY


async def test_agents_sit_where_they_sat_after_a_restart() -> None:
    async with opened() as house:
        await desk_with_guest(house)
        sit(house, "1009", MOBILE)
        before = [facts.settings for facts in checkpoint.dump(house.hall.acd.dispatcher).agents]
    async with opened() as house:
        desk = house.employ("1009")
        desk.register(password("1009"))
        house.employ("1001")
        await house.pass_time(0.1)
        assert house.hall.desks.restore(AgentRestored(who, is_ready=who.agent == "1001") for who in before) == 2
        assert house.hall.desks.seat(AgentId("1009")) == MOBILE
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert desk.rings
        assert house.state("1001") is AgentState.RINGING
        caller.hang_up()
        await house.pass_time(1)


@pytest.mark.parametrize("seat", [None, DESK, MOBILE])
async def test_seat_is_read_as_it_was_written(seat: Seat | None) -> None:
    assert read(written(seat)) == seat


async def test_word_that_is_no_seat_is_the_own_phone() -> None:
    assert [read(word) for word in ("phone:", "chair:1", "1009")] == [None, None, None]
