"""Who should take a caller, and what the queue's rules are told of the caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from tests.calls.call_centre import MORNING, ORDINARY, SERVICE, SERVICE_LINE, VIP, CallCentre, Plan, opened

from acdcore.calls.core.call import Call
from acdcore.calls.model.commands import AgentCommand
from acdcore.calls.model.directory import Customer, PastContact, Tier
from acdcore.calls.numbers.number_location import Regions
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.scripts.preferred_agent import caller_facts, preferred_agent
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId
from acdcore.queues.inputs import CallerFacts

pytestmark = pytest.mark.looptime


@dataclass
class Caller:
    """Somebody who waits, and whom we ask about again and again."""

    centre: CallCentre
    call: Call

    @property
    def preferred(self) -> AgentId | None:
        return preferred_agent(self.call, self.centre.context, SERVICE)

    @property
    def facts(self) -> CallerFacts:
        return caller_facts(self.call, self.centre.context)

    def came_under(self, regions: Regions) -> None:
        """Other regions than those that the call came under."""
        settings = self.call.settings
        self.call.settings = replace(settings, rules=replace(settings.rules, regions=regions))

    def talked(self, who: CustomerId | None, agent: str | None, days_ago: float, number: str = VIP) -> None:
        """An earlier call."""
        at = MORNING - timedelta(days=days_ago)
        known_as = AgentId(agent) if agent else None
        contact = PastContact(CallId(f"{at:%Y%m%dT%H%M%S}"), at, SERVICE, known_as, Outcome.ANSWERED)
        self.centre.directory.note_contact(number, who, contact)


def plan(within_days: float) -> Plan:
    """A service queue that remembers for so long."""
    return Plan(around={SERVICE: QueueRules(sticky_within_days=within_days)})


@asynccontextmanager
async def waiting(plan: Plan, number: str = VIP, *, owner: str = "", region: str = "") -> AsyncIterator[Caller]:
    """Somebody on the line, nobody of the agents free; a customer with a card if it has an owner or a region."""
    async with opened(plan) as centre:
        for agent in ("1001", "1002"):
            await centre.seat(agent)
            centre.command(agent, AgentCommand.NOT_READY)
        if owner or region:
            card = Customer(CustomerId(1), "One", Tier.GOLD, "cmn", (VIP,), None, (), "", "", 1)
            centre.directory.put_customer(replace(card, owner=AgentId(owner) if owner else None, region=region))
        phone = centre.caller(number)
        phone.call(SERVICE_LINE)
        await centre.pass_time(1)
        yield Caller(centre, centre.live())
        phone.hang_up()
        await centre.pass_time(1)


async def test_agent_of_the_last_talk_is_preferred_within_the_days() -> None:
    async with waiting(plan(7)) as caller:
        assert caller.preferred is None
        caller.talked(None, "1001", days_ago=6.9)
        assert caller.preferred == "1001"
        caller.talked(None, "1002", days_ago=1)
        assert caller.preferred == "1002"
        caller.talked(None, None, days_ago=0.5)  # reached nobody
        assert caller.preferred == "1002"


async def test_talk_that_was_too_long_ago_counts_no_more() -> None:
    async with waiting(plan(7)) as caller:
        caller.talked(None, "1001", days_ago=7.1)
        assert caller.preferred is None


async def test_queue_without_days_remembers_nobody_but_knows_owners() -> None:
    async with waiting(plan(0), owner="1002") as caller:
        caller.talked(CustomerId(1), "1001", days_ago=1)
        assert caller.preferred == "1002"


async def test_owner_goes_before_the_last_talk_and_after_hours_the_last_talk_before_nobody() -> None:
    async with waiting(plan(7), owner="1002") as caller:
        caller.talked(CustomerId(1), "1001", days_ago=1)
        assert caller.preferred == "1002"
        caller.centre.command("1002", AgentCommand.LOG_OUT)
        assert caller.preferred == "1001"
        caller.centre.command("1001", AgentCommand.LOG_OUT)
        assert caller.preferred is None


async def test_customer_is_known_by_the_card_whatever_the_number() -> None:
    async with waiting(plan(7), region="north") as caller:
        caller.talked(CustomerId(1), "1001", days_ago=1, number="13700000007")
        assert caller.preferred == "1001"


async def test_caller_who_withholds_the_number_is_nobody_that_we_know() -> None:
    async with waiting(plan(7), "anonymous") as caller:
        caller.talked(None, "1001", days_ago=1, number="")
        assert caller.call.view.caller == ""
        assert caller.preferred is None


async def test_region_of_the_card_goes_before_that_of_the_number() -> None:
    async with waiting(plan(0), region="north") as caller:
        caller.came_under(Regions({"south": ("138",)}, {}))
        assert caller.facts == CallerFacts("gold", "cmn", "north")


async def test_caller_without_a_card_is_told_apart_by_number_and_language() -> None:
    async with waiting(plan(0), ORDINARY) as caller:
        assert caller.facts == CallerFacts("unknown", "cmn", "")
        caller.came_under(Regions({"south": ("139",)}, {}))
        assert caller.facts == CallerFacts("unknown", "cmn", "south")
