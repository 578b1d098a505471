"""What the agent's screen shows of a number that no customer has."""

import pytest
from tests.calls.call_centre import SERVICE_LINE, Plan, opened

from acdcore.calls.record.event_stream import ScreenPop, StreamEventKind

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(("number", "place"), [("13800138000", "北京"), ("02088881234", "广东广州"), ("95588", "")])
async def test_pop_of_an_unknown_number_shows_where_it_is_at_home(number: str, place: str) -> None:
    async with opened(Plan()) as centre:
        await centre.seat("1001")
        seen, caller = centre.event_stream.subscribe(limit=1000), centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        seen.close()
        (pop,) = [event.data async for event in seen if event.kind is StreamEventKind.AGENT_OFFERED]
        assert isinstance(pop, ScreenPop)
        assert (pop.customer, pop.place, pop.region) == (None, place, "")
        caller.hang_up()
        await centre.pass_time(1)
