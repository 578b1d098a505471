"""The directory's memory: look-ups by every key, last contacts, and its size."""

import time
import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from acdcore.calls.model.directory import Customer, PastContact, Tier
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.storage.stores import directory as directory_module
from acdcore.storage.stores.directory import MemoryDirectory

CARD = Customer(CustomerId(1), "Example One", Tier.STANDARD, "", ("13800000001",), "M1", ("粤E00001",), "Road 1", "", 1)


def numbered(number: int) -> Customer:
    return replace(
        CARD,
        id=CustomerId(number),
        name=f"示例客户 {number}",
        numbers=(f"139{number:08}", f"0757{number:08}"),
        member_number=f"M{number}",
        plates=(f"粤E{number:05}",),
        address=f"示例市 {number} 号",
    )


def contact(number: int, at: datetime) -> PastContact:
    return PastContact(
        CallId(f"c{number}"), at + timedelta(minutes=number), QueueName("service"), AgentId("1001"), Outcome.ANSWERED
    )


def test_of_several_owners_of_a_number_the_highest_tier_is_found() -> None:
    directory = MemoryDirectory()
    for number, tier in enumerate((Tier.SILVER, Tier.VIP, Tier.VIP, Tier.GOLD), start=1):
        directory.put_customer(replace(CARD, id=CustomerId(number), tier=tier, member_number=None))
    found = directory.customer_by_phone("13800000001")
    assert found is not None
    assert found.id == 2
    assert [each.id for each in directory.customers_by_phone("+8613800000001")] == [2, 3, 4, 1]


def test_start_tells_once_of_each_shared_number_and_of_no_more_than_the_log_can_take() -> None:
    directory = MemoryDirectory()
    with capture_logs() as logged:
        for number in range(1, 301):
            numbers = ("13800000001", f"139{number // 2:08}")
            directory.load_customer(replace(CARD, id=CustomerId(number), numbers=numbers, member_number=None))
        assert not logged
        directory.finish_loading()
    most = directory_module.SHARED_NUMBERS_MAX
    assert [told["event"] for told in logged] == ["number_shared"] * most + ["numbers_shared"]
    assert len({told["number"] for told in logged[:most]}) == most
    assert logged[-1]["count"] == 150


def test_second_customer_with_a_number_is_reported_with_the_first() -> None:
    directory = MemoryDirectory()
    directory.put_customer(CARD)
    with capture_logs() as logged:
        directory.put_customer(replace(CARD, id=CustomerId(2), name="Example Two", numbers=("+8613800000001",)))
    (told,) = logged
    assert (told["event"], told["callers_are"], told["not_taken_for"]) == (
        "number_shared",
        "1 (Example One)",
        ["2 (Example Two)"],
    )


def test_older_version_never_replaces_a_newer_one() -> None:
    directory = MemoryDirectory()
    directory.put_customer(replace(CARD, note="new", version=3))
    directory.put_customer(replace(CARD, note="old", version=2))
    found = directory.customer(CARD.id)
    assert found is not None
    assert found.note == "new"


def test_plate_digits_find_every_owner() -> None:
    directory = MemoryDirectory()
    first = replace(CARD, plates=("粤E12A34",))
    second = replace(CARD, id=CustomerId(2), plates=("沪B1234",), member_number=None)
    directory.put_customer(first)
    directory.put_customer(second)
    assert directory.customers_by_plate_digits("1234") == [first, second]
    assert directory.customers_by_plate_digits("123") == []


def test_hidden_number_finds_nobody() -> None:
    directory = MemoryDirectory()
    directory.put_customer(replace(CARD, numbers=()))
    assert directory.customer_by_phone("") is None
    assert directory.customer_by_phone("anonymous") is None


def test_contacts_come_newest_first_and_each_call_once(wall: datetime) -> None:
    directory = MemoryDirectory()
    directory.put_customer(CARD)
    for number in (1, 2, 3):
        directory.note_contact("+8613800000001", CARD.id, contact(number, wall))
    ended = replace(contact(2, wall), outcome=Outcome.ABANDONED_QUEUE)
    directory.note_contact("13800000001", CARD.id, ended)
    assert directory.last_contacts(CARD.id, 2) == [contact(3, wall), ended]
    assert directory.last_contacts("013800000001", 9) == [contact(3, wall), ended, contact(1, wall)]


def test_calls_from_before_the_customer_was_known_are_its_contacts(wall: datetime) -> None:
    directory = MemoryDirectory()
    directory.note_contact("13800000001", None, contact(1, wall))
    directory.put_customer(CARD)
    assert directory.last_contacts(CARD.id, 9) == [contact(1, wall)]


def test_call_with_a_hidden_number_is_a_contact_of_its_customer_only(wall: datetime) -> None:
    directory = MemoryDirectory()
    directory.put_customer(CARD)
    directory.note_contact("", CARD.id, contact(1, wall))
    assert directory.last_contacts("", 9) == []
    assert directory.last_contacts(CARD.id, 9) == [contact(1, wall)]


def test_contacts_of_one_caller_are_bounded(wall: datetime) -> None:
    directory = MemoryDirectory()
    for number in range(100):
        directory.note_contact("13800000001", None, contact(number, wall))
    assert len(directory.last_contacts("13800000001", 1000)) == directory_module.CONTACTS_EACH_MAX


@pytest.mark.parametrize("text", ["example o", "ROAD 1", "m1", "粤e·00001", "00001", "138 0000 0001", "+8613800000001"])
def test_search_finds_by_any_part(text: str) -> None:
    directory = MemoryDirectory()
    directory.put_customer(numbered(77))
    directory.put_customer(CARD)
    assert directory.search(text, 5) == [CARD]


def test_search_for_nothing_lists_the_newest() -> None:
    directory = MemoryDirectory()
    for number in range(1, 6):
        directory.put_customer(numbered(number))
    assert [customer.id for customer in directory.search(" ", 2)] == [5, 4]


def test_search_sees_a_change_at_once() -> None:
    directory = MemoryDirectory()
    directory.put_customer(CARD)
    assert directory.search("example", 5) == [CARD]
    changed = replace(CARD, name="Renamed", version=2)
    directory.put_customer(changed)
    assert directory.search("example", 5) == []
    assert directory.search("renamed", 5) == [changed]


def test_search_does_not_read_across_two_customers() -> None:
    directory = MemoryDirectory()
    for number in (1, 2):
        directory.put_customer(replace(CARD, id=CustomerId(number), name="ab", member_number=None))
    assert directory.search("1ab", 5) == []


def test_search_lists_the_newest_first_over_many_blocks() -> None:
    directory = MemoryDirectory()
    for number in range(1, 3_000):
        directory.put_customer(numbered(number))
    assert [customer.id for customer in directory.search("客户 29", 3)] == [2999, 2998, 2997]
    assert [customer.id for customer in directory.search("客户 2", 5000)][-1] == 2


@pytest.mark.slow
def test_200_000_customers_fit_into_memory_and_are_found_in_microseconds() -> None:
    directory = MemoryDirectory()
    tracemalloc.start()
    for number in range(10_000):
        directory.put_customer(numbered(number))
    directory.finish_loading()
    size_mb = tracemalloc.get_traced_memory()[0] * 20 / 1e6
    tracemalloc.stop()
    for number in range(10_000, 200_000):
        directory.put_customer(numbered(number))
    directory.finish_loading()
    begun = time.perf_counter()
    for number in range(0, 200_000, 20):
        assert directory.customer_by_phone(f"+86139{number:08}") is not None
    look_up_us = (time.perf_counter() - begun) / 10_000 * 1e6
    begun = time.perf_counter()
    assert len(directory.search("no such name", 10)) == 0
    search_ms = (time.perf_counter() - begun) * 1e3
    print(f"{size_mb:.0f} MB, {look_up_us:.1f} us a look-up, {search_ms:.1f} ms a search that finds nothing")
    assert size_mb < 400
    assert look_up_us < 100
    assert search_ms < 100
