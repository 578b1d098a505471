"""The directory: agents, customers and last contacts held in memory, with an index for each kind of look-up.

Rules: look-ups never wait and never touch a disk; stores put a record here only after the database has it; a record is
replaced as a whole, never changed.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import structlog

from acdcore.calls.model.directory import AgentRecord, Customer, PastContact, Tier
from acdcore.kernel.ids import AgentId, CustomerId
from acdcore.numbering.key import matching_key
from acdcore.storage.stores.customer_card import plate_digits
from acdcore.storage.stores.customer_search import SearchText

CONTACTS_EACH_MAX = 10
"""Contacts remembered for one number or customer: what a screen pop can show."""
CONTACT_HOLDERS_MAX = 300_000
"""Numbers and customers with remembered contacts; the one without a contact for longest is forgotten first."""
SHARED_TOLD_MAX = 5
"""Customers that a log line about a shared number names."""
SHARED_NUMBERS_MAX = 100
"""Shared numbers that a start names in the log; it says how many more there are."""

_RANK = {tier: rank for rank, tier in enumerate(Tier)}


class MemoryDirectory:
    """Implements `Directory`; `put_agent` and `put_customer` are for the stores and the loader."""

    def __init__(self) -> None:
        self._agents: dict[AgentId, AgentRecord] = {}
        self._customers: dict[CustomerId, Customer] = {}
        self._by_number: dict[str, tuple[CustomerId, ...]] = {}
        self._by_member_number: dict[str, CustomerId] = {}
        self._by_plate_digits: dict[str, tuple[CustomerId, ...]] = {}
        self._contacts: dict[CustomerId | str, tuple[PastContact, ...]] = {}
        self._text = SearchText(self._customers)
        self._log = structlog.get_logger("storage")

    # Look-ups

    def agent(self, agent: AgentId) -> AgentRecord | None:
        return self._agents.get(agent)

    def agents(self) -> Sequence[AgentRecord]:
        return sorted(self._agents.values(), key=lambda record: record.agent)

    def customer(self, customer_id: CustomerId) -> Customer | None:
        return self._customers.get(customer_id)

    def customer_by_phone(self, number: str) -> Customer | None:
        owners = self._by_number.get(matching_key(number), ())
        if len(owners) == 1:
            return self._customers[owners[0]]
        return next(iter(self.customers_by_phone(number)), None)

    def customers_by_phone(self, number: str) -> Sequence[Customer]:
        owners = self._by_number.get(matching_key(number), ())
        return sorted((self._customers[owner] for owner in owners), key=lambda each: (-_RANK[each.tier], each.id))

    def customer_by_member_number(self, member_number: str) -> Customer | None:
        owner = self._by_member_number.get(member_number)
        return None if owner is None else self._customers[owner]

    def customers_by_plate_digits(self, digits: str) -> Sequence[Customer]:
        return [self._customers[owner] for owner in self._by_plate_digits.get(digits, ())]

    def last_contacts(self, who: CustomerId | str, limit: int) -> Sequence[PastContact]:
        found = {
            contact.call_id: contact for holder in self._holders(who) for contact in self._contacts.get(holder, ())
        }
        return heapq.nlargest(limit, found.values(), key=lambda contact: (contact.at, contact.call_id))

    def search(self, text: str, limit: int) -> Sequence[Customer]:
        wanted = text.strip()
        if not wanted:
            return list(islice(reversed(self._customers.values()), limit))
        alike = (self._customers[found] for found in self._text.find(wanted))
        return list(islice(_unique(self._exact(wanted), alike), limit))

    # Changes

    def note_contact(self, number: str, customer_id: CustomerId | None, contact: PastContact) -> None:
        key = matching_key(number)
        holders: tuple[CustomerId | str, ...] = (key,) if key else ()
        if customer_id is not None:
            holders += (customer_id,)
        for holder in holders:
            earlier = self._contacts.pop(holder, ())
            kept = [each for each in earlier if each.call_id != contact.call_id]
            # Removed and added again, so that the dict's order is the order of last use.
            self._contacts[holder] = (contact, *kept)[:CONTACTS_EACH_MAX]
        while len(self._contacts) > CONTACT_HOLDERS_MAX:
            del self._contacts[next(iter(self._contacts))]

    def put_agent(self, record: AgentRecord) -> None:
        """Add an agent or replace the one with the same number."""
        self._agents[record.agent] = record

    def put_customer(self, customer: Customer) -> None:
        """As `load_customer`, and log which of the numbers other customers have too."""
        self.load_customer(customer)
        for key in _number_keys(customer):
            if len(self._by_number.get(key, ())) > 1:
                self._tell_shared(key)

    def load_customer(self, customer: Customer) -> None:
        """Add a customer or replace the one with the same id; an older version than the known one is ignored."""
        former = self._customers.get(customer.id)
        if former is not None:
            if former.version > customer.version:
                return  # Two changes came back from the database in the other order.
            self._unlink(former)
        self._customers[customer.id] = customer
        for key in _number_keys(customer):
            self._by_number[key] = (*self._by_number.get(key, ()), customer.id)
        for digits in _plate_keys(customer):
            self._by_plate_digits[digits] = (*self._by_plate_digits.get(digits, ()), customer.id)
        if customer.member_number is not None:
            self._by_member_number[customer.member_number] = customer.id
        self._text.note_change(customer.id)

    def _tell_shared(self, key: str) -> None:
        """Log that several customers have one number, and which of them its callers are taken for."""
        first, *others = [f"{each.id} ({each.name})" for each in self.customers_by_phone(key)[:SHARED_TOLD_MAX]]
        self._log.warning("number_shared", number=key, callers_are=first, not_taken_for=others)

    def finish_loading(self) -> None:
        """Build the search text now (some 100 ms for 200,000 customers), and log shared numbers.

        Each number is logged once, however many customers have it.
        """
        self._text.refresh()
        shared = [key for key, owners in self._by_number.items() if len(owners) > 1]
        for key in shared[:SHARED_NUMBERS_MAX]:
            self._tell_shared(key)
        if len(shared) > SHARED_NUMBERS_MAX:
            self._log.warning("numbers_shared", count=len(shared), told=SHARED_NUMBERS_MAX)

    def _unlink(self, former: Customer) -> None:
        for key in _number_keys(former):
            _drop(self._by_number, key, former.id)
        for digits in _plate_keys(former):
            _drop(self._by_plate_digits, digits, former.id)
        if former.member_number is not None:
            self._by_member_number.pop(former.member_number, None)

    def _holders(self, who: CustomerId | str) -> Iterator[CustomerId | str]:
        if isinstance(who, str):
            yield matching_key(who)
            return
        yield who
        customer = self._customers.get(who)
        if customer is not None:
            # Calls from before the number was on this customer's card.
            yield from _number_keys(customer)

    def _exact(self, wanted: str) -> Iterator[Customer]:
        """Exact matches by number, member number and plate, best first; they precede the hits of the text search."""
        by_member_number = self.customer_by_member_number(wanted)
        if by_member_number is not None:
            yield by_member_number
        for owner in self._by_number.get(matching_key(wanted), ()):
            yield self._customers[owner]


def _unique(*sources: Iterable[Customer]) -> Iterator[Customer]:
    seen: set[CustomerId] = set()
    for source in sources:
        for customer in source:
            if customer.id not in seen:
                seen.add(customer.id)
                yield customer


def _number_keys(customer: Customer) -> dict[str, None]:
    return dict.fromkeys(key for key in map(matching_key, customer.numbers) if key)


def _plate_keys(customer: Customer) -> dict[str, None]:
    return dict.fromkeys(digits for digits in map(plate_digits, customer.plates) if digits)


def _drop(index: dict[str, tuple[CustomerId, ...]], key: str, owner: CustomerId) -> None:
    rest = tuple(each for each in index.get(key, ()) if each != owner)
    if rest:
        index[key] = rest
    else:
        index.pop(key, None)
