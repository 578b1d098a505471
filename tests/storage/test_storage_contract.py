"""What every storage promises, whether it keeps things in memory or in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.storage.keeping import REALM, StorageUnderTest

from acdcore.calls.model.directory import AgentRecord, CustomerChange, NewCustomer, Tier
from acdcore.calls.model.ports import BadRecord, CallFilter, IdTaken, RecordingFilter, UnknownRecord, VersionConflict
from acdcore.calls.model.rows import (
    AgentEventRow,
    CallEnd,
    CallEventRow,
    CallSegment,
    CdrRow,
    EndedBy,
    RecordingRow,
    SegmentEnd,
    SegmentKind,
    TraceRow,
)
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.storage.stores.password import ha1_hashes

FLEET = NewCustomer(
    name="  Example Fleet ",
    tier=Tier.VIP,
    language="yue",
    numbers=("+86 138 0000 0007", "(0757) 2633-1234"),
    member_number="M7",
    plates=("粤e·a0007",),
    address="Road 7",
    note="calls early",
    owner=AgentId("1001"),
    region="south",
)
AGENT = AgentRecord(AgentId("1001"), "Seat One", "", "", {SkillName("service"): 9}, ("cmn", "en"))


def cdr(call_id: str, arrived_at: datetime, **fields: object) -> CdrRow:
    row = CdrRow(
        CallId(call_id),
        "trunk",
        "+8613800000007",
        "95588",
        Outcome.ANSWERED,
        EndedBy.CALLER,
        arrived_at,
        arrived_at + timedelta(seconds=60),
    )
    return replace(row, **fields)  # type: ignore[arg-type]


# Withheld numbers


async def test_withheld_number_is_found_by_its_call_and_in_nothing_else(kept: StorageUnderTest, wall: datetime) -> None:
    row = TraceRow(CallId("call-1"), wall, "+8613800138000")
    await kept.append(cdr("call-1", wall, caller=""), row)
    assert await kept.history.trace(CallId("call-1")) == row
    assert await kept.history.trace(CallId("call-2")) is None
    assert list(await kept.history.calls(CallFilter(caller="13800138000"))) == []


# Customers


async def test_created_customer_is_found_by_every_key(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(FLEET)
    assert customer.version == 1
    assert customer.name == "Example Fleet"
    assert customer.plates == ("粤EA0007",)
    assert kept.directory.customer(customer.id) == customer
    assert kept.directory.customer_by_phone("013800000007") == customer
    assert kept.directory.customer_by_phone("0086 757 26331234") == customer
    assert kept.directory.customer_by_member_number("M7") == customer
    assert kept.directory.customers_by_plate_digits("0007") == [customer]
    assert (customer.owner, customer.region) == ("1001", "south")


async def test_change_touches_only_what_it_names(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(FLEET)
    changed = await kept.customers.change(customer.id, CustomerChange(tier=Tier.GOLD, note=""), 1)
    assert changed == replace(customer, tier=Tier.GOLD, note="", version=2)
    assert kept.directory.customer(customer.id) == changed


async def test_changed_number_is_found_and_the_former_is_not(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(FLEET)
    changed = await kept.customers.change(customer.id, CustomerChange(numbers=("13900000000",)), 1)
    assert kept.directory.customer_by_phone("13900000000") == changed
    assert kept.directory.customer_by_phone("13800000007") is None


async def test_owner_is_given_and_taken_away(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(NewCustomer("Other"))
    owned = await kept.customers.change(customer.id, CustomerChange(owner=AgentId(" 1002 "), region="north"), 1)
    assert (owned.owner, owned.region) == ("1002", "north")
    assert kept.directory.search("NORTH", 5) == kept.directory.search("1002", 5) == [owned]
    free = await kept.customers.change(customer.id, CustomerChange(owner=AgentId("")), 2)
    assert (free.owner, free.region) == (None, "north")


async def test_change_of_an_old_version_is_refused_and_changes_nothing(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(FLEET)
    await kept.customers.change(customer.id, CustomerChange(note="first"), 1)
    with pytest.raises(VersionConflict):
        await kept.customers.change(customer.id, CustomerChange(note="second"), 1)
    found = kept.directory.customer(customer.id)
    assert found is not None
    assert (found.note, found.version) == ("first", 2)


async def test_change_of_nobody_is_refused(kept: StorageUnderTest) -> None:
    with pytest.raises(UnknownRecord):
        await kept.customers.change(CustomerId(99), CustomerChange(note="x"), 1)


async def test_member_number_belongs_to_one_customer(kept: StorageUnderTest) -> None:
    await kept.customers.create(FLEET)
    with pytest.raises(IdTaken):
        await kept.customers.create(FLEET)
    other = await kept.customers.create(NewCustomer("Other"))
    with pytest.raises(IdTaken):
        await kept.customers.change(other.id, CustomerChange(member_number="M7"), 1)


async def test_member_number_taken_away_is_free_again(kept: StorageUnderTest) -> None:
    customer = await kept.customers.create(FLEET)
    changed = await kept.customers.change(customer.id, CustomerChange(member_number=""), 1)
    assert changed.member_number is None
    assert (await kept.customers.create(replace(FLEET, numbers=()))).member_number == "M7"


@pytest.mark.parametrize(
    ("field", "new"),
    [
        ("name", NewCustomer("  ")),
        ("name", NewCustomer("x" * 201)),
        ("note", NewCustomer("x", note="a\0b")),
        ("address", NewCustomer("x", address="\udc80")),
        ("numbers", NewCustomer("x", numbers=("12ab",))),
        ("numbers", NewCustomer("x", numbers=tuple(str(number) for number in range(21)))),
    ],
)
async def test_field_that_cannot_be_kept_is_named(kept: StorageUnderTest, field: str, new: NewCustomer) -> None:
    with pytest.raises(BadRecord) as caught:
        await kept.customers.create(new)
    assert caught.value.field == field


# Agents


async def test_password_is_kept_as_its_hashes_only(kept: StorageUnderTest) -> None:
    await kept.agents.add(AGENT)
    await kept.agents.set_password(AGENT.agent, "secret")
    hashes = ha1_hashes(AGENT.agent, REALM, "secret")
    assert kept.directory.agent(AGENT.agent) == replace(AGENT, ha1_md5=hashes.md5, ha1_sha256=hashes.sha256)


async def test_agents_own_digest_algorithms_are_kept_in_their_order(kept: StorageUnderTest) -> None:
    own = replace(AGENT, digest_algorithms=("SHA-256", "MD5"))
    await kept.agents.add(own)
    assert kept.directory.agent(AGENT.agent) == own
    await kept.agents.change(replace(own, digest_algorithms=("SHA-256",)))
    assert kept.directory.agent(AGENT.agent) == replace(own, digest_algorithms=("SHA-256",))


async def test_agents_networks_are_kept(kept: StorageUnderTest) -> None:
    own = replace(AGENT, allowed_networks=("192.0.2.0/24", "2001:db8::/32"))
    await kept.agents.add(own)
    assert kept.directory.agent(AGENT.agent) == own
    await kept.agents.change(replace(own, allowed_networks=()))
    assert kept.directory.agent(AGENT.agent) == AGENT


async def test_agent_number_is_given_once(kept: StorageUnderTest) -> None:
    await kept.agents.add(AGENT)
    with pytest.raises(IdTaken):
        await kept.agents.add(AGENT)


async def test_agent_gets_no_number_with_which_a_trunk_proves_itself(kept: StorageUnderTest) -> None:
    with pytest.raises(IdTaken, match="the trunk carrier"):
        await kept.agents.add(replace(AGENT, agent=AgentId("carrier1")))
    assert kept.directory.agents() == []


async def test_unknown_agent_cannot_be_changed(kept: StorageUnderTest) -> None:
    with pytest.raises(UnknownRecord):
        await kept.agents.change(AGENT)
    with pytest.raises(UnknownRecord):
        await kept.agents.set_password(AGENT.agent, "secret")


@pytest.mark.parametrize(
    "record", [replace(AGENT, agent=AgentId("10 01")), replace(AGENT, skills={SkillName("s"): 10})]
)
async def test_agent_that_cannot_be_is_refused(kept: StorageUnderTest, record: AgentRecord) -> None:
    with pytest.raises(BadRecord):
        await kept.agents.add(record)


# History


async def test_history_of_a_call_comes_back_as_it_was_appended(kept: StorageUnderTest, wall: datetime) -> None:
    call = CallId("c1")
    row = cdr(
        "c1",
        wall,
        answered_at=wall,
        queued_at=wall,
        connected_at=wall,
        flow="hotline",
        queue=QueueName("service"),
        agent=AgentId("1001"),
        customer_id=CustomerId(3),
        wait_s=1.5,
        ring_s=2.5,
        talk_s=30.25,
        overflowed_to="sales",
        recording="2026/11/21/c1-1.wav",
        figures={"loss": 0.01, "codec": "PCMA", "latched": True, "gap": None},
    )
    events = [CallEventRow(call, serial, wall, "queued", {"queue": "service"}) for serial in (1, 2)]
    recording = RecordingRow(call, 1, "2026/11/21/c1-1.wav", wall, 30.25, 968_044, AgentId("1001"))
    await kept.append(row, *reversed(events), recording, AgentEventRow(AgentId("1001"), wall, 1, "talking"))
    found = await kept.history.call(call)
    assert found is not None
    assert (found.cdr, found.events, found.recordings) == (row, tuple(events), (recording,))
    assert await kept.history.recording(call, 1) == recording
    assert await kept.history.recording(call, 2) is None
    assert await kept.history.call(CallId("c2")) is None


async def test_events_of_calls_without_a_record_are_what_a_crash_cut_short(
    kept: StorageUnderTest, wall: datetime
) -> None:
    events = [
        CallEventRow(CallId(call), serial, wall, "moved") for call in ("c1", "c2", "c3", "c4") for serial in (1, 2)
    ]
    await kept.append(cdr("c3", wall), *reversed(events))
    unfinished = await kept.history.unfinished(CallId("c2"))
    assert [(row.call_id, row.serial) for row in unfinished] == [("c2", 1), ("c2", 2), ("c4", 1), ("c4", 2)]


async def test_unfinished_calls_and_the_latest_one_end_where_this_run_begins(
    kept: StorageUnderTest, wall: datetime
) -> None:
    assert await kept.history.latest_call() is None
    await kept.append(*(CallEventRow(CallId(call), 1, wall, "arrived") for call in ("c1", "c2", "c3")))
    assert (await kept.history.latest_call(), await kept.history.latest_call(CallId("c3"))) == ("c3", "c2")
    assert await kept.history.latest_call(CallId("c1")) is None
    unfinished = await kept.history.unfinished(CallId("c1"), CallId("c3"))
    assert [row.call_id for row in unfinished] == ["c1", "c2"]


async def test_row_appended_twice_is_kept_once_as_it_was_first(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.append(cdr("c1", wall, talk_s=1.0), cdr("c1", wall, talk_s=2.0))
    assert await kept.history.calls(CallFilter()) == [cdr("c1", wall, talk_s=1.0)]


async def test_calls_are_listed_newest_first_in_pages(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.append(*(cdr(f"c{number}", wall) for number in range(5)))
    first = await kept.history.calls(CallFilter(limit=2))
    second = await kept.history.calls(CallFilter(limit=2, before=first[-1].call_id))
    assert [row.call_id for row in (*first, *second)] == ["c4", "c3", "c2", "c1"]


async def test_each_call_filter_keeps_what_fits(kept: StorageUnderTest, wall: datetime) -> None:
    wanted = cdr(
        "c2",
        wall,
        caller="02100000001",
        agent=AgentId("1001"),
        queue=QueueName("vip"),
        customer_id=CustomerId(7),
        outcome=Outcome.OVERFLOWED,
        talk_s=90.0,
    )
    await kept.append(cdr("c1", wall - timedelta(hours=1)), wanted, cdr("c3", wall + timedelta(hours=1)))
    for each in (
        CallFilter(arrived_from=wall, arrived_before=wall + timedelta(seconds=1)),
        CallFilter(caller="+86 21 00000001"),
        CallFilter(agent=AgentId("1001")),
        CallFilter(queue=QueueName("vip")),
        CallFilter(customer_id=CustomerId(7)),
        CallFilter(outcome=Outcome.OVERFLOWED),
        CallFilter(duration_s_min=90.0),
    ):
        assert await kept.history.calls(each) == [wanted], each


async def test_call_is_found_by_every_agent_and_queue_that_took_part(kept: StorageUnderTest, wall: datetime) -> None:
    def part(
        kind: SegmentKind, queue: str, agent: str | None = None, end: SegmentEnd = SegmentEnd.ANSWERED
    ) -> CallSegment:
        return CallSegment(kind, wall, wall, end, QueueName(queue), None if agent is None else AgentId(agent))

    wanted = cdr(
        "c2",
        wall,
        agent=AgentId("1002"),
        queue=QueueName("sales"),
        outcome=Outcome.ABANDONED_QUEUE,
        end_cause=CallEnd.HUNG_UP,
        served_by=AgentId("1002"),
        segments=(
            part(SegmentKind.QUEUE, "service"),
            part(SegmentKind.AGENT, "service", "1003", SegmentEnd.NO_TALK),
            part(SegmentKind.AGENT, "service", "1001", SegmentEnd.TRANSFERRED),
            part(SegmentKind.QUEUE, "overflow", None, SegmentEnd.OVERFLOWED),
            part(SegmentKind.QUEUE, "sales"),
            part(SegmentKind.AGENT, "sales", "1002", SegmentEnd.MEDIA_LOST),
        ),
    )
    other = cdr("c1", wall, agent=AgentId("1004"), queue=QueueName("vip"), end_cause=CallEnd.MEDIA_LOST)
    await kept.append(other, wanted)
    for agent in ("1001", "1002", "1003"):
        assert await kept.history.calls(CallFilter(agent=AgentId(agent))) == [wanted], agent
    for queue in ("service", "overflow", "sales"):
        assert await kept.history.calls(CallFilter(queue=QueueName(queue))) == [wanted], queue
    assert await kept.history.calls(CallFilter(agent=AgentId("1004"), queue=QueueName("vip"))) == [other]
    assert await kept.history.calls(CallFilter(agent=AgentId("1001"), queue=QueueName("vip"))) == []
    assert await kept.history.calls(CallFilter(is_served=True)) == [wanted]
    assert await kept.history.calls(CallFilter(is_served=False)) == [other]
    assert await kept.history.calls(CallFilter(end_cause=CallEnd.MEDIA_LOST)) == [other]


async def test_each_recording_filter_keeps_what_fits(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.agents.add(AGENT)
    other = RecordingRow(CallId("c1"), 1, "a.wav", wall - timedelta(hours=1), 1.0, 1, AgentId("1002"), caller="1")
    wanted = RecordingRow(CallId("c2"), 1, "b.wav", wall, 60.0, 1, AgentId("1001"), caller="13800000007")
    longest = RecordingRow(CallId("c2"), 2, "c.wav", wall + timedelta(hours=1), 600.0, 1)
    await kept.append(other, wanted, longest)
    for each in (
        RecordingFilter(started_from=wall, started_before=wall + timedelta(seconds=1)),
        RecordingFilter(caller="+8613800000007"),
        RecordingFilter(agent=AgentId("1001")),
        RecordingFilter(agent_name="seat o"),
        RecordingFilter(duration_s_min=2.0, duration_s_max=100.0),
        RecordingFilter(before=(CallId("c2"), 2), limit=1),
    ):
        assert await kept.history.recordings(each) == [wanted], each


@pytest.mark.parametrize("limit", [0, 501])
async def test_page_of_another_size_is_refused(kept: StorageUnderTest, limit: int) -> None:
    with pytest.raises(BadRecord):
        await kept.history.calls(CallFilter(limit=limit))


async def test_search_for_a_hidden_number_is_refused_rather_than_finding_all(kept: StorageUnderTest) -> None:
    with pytest.raises(BadRecord):
        await kept.history.calls(CallFilter(caller="anonymous"))


async def test_text_that_no_database_can_hold_does_not_cost_the_record(kept: StorageUnderTest, wall: datetime) -> None:
    if kept.delivery is None:
        return
    await kept.append(cdr("c1", wall, caller="a\0b", dialled="\udcff", figures={"\0": "\0"}))
    [row] = await kept.history.calls(CallFilter())
    assert (row.caller, row.dialled, row.figures) == ("a\ufffdb", "?", {"\ufffd": "\ufffd"})


async def test_record_of_a_while_ago_names_a_recording_only_if_its_file_was_completed(
    kept: StorageUnderTest, wall: datetime
) -> None:
    """Its talk may have had no audio, or the disk no room: then there is no row, and no file that it could name."""
    lost = replace(cdr("c1", wall), recording="2026/11/21/c1-1.wav")
    second = replace(cdr("c2", wall), recording="2026/11/21/c2-1.wav")
    row = RecordingRow(CallId("c2"), 2, "2026/11/21/c2-2.wav", wall, 30.0, 968_044)
    young = replace(cdr("c3", wall), recording="2026/11/21/c3-1.wav", ended_at=datetime.now(UTC))
    await kept.append(lost, second, row, young)
    found = await kept.history.calls(CallFilter())
    named = {each.call_id: each.recording for each in found}
    assert named == {"c1": "", "c2": "2026/11/21/c2-2.wav", "c3": "2026/11/21/c3-1.wav"}
    first = await kept.history.call(CallId("c1"))
    assert first is not None and first.cdr.recording == ""
