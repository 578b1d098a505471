"""Storage without a database: the same Protocols, kept in memory. For tests and trials; it passes the same suite."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from acdcore.calls.model.directory import AgentRecord, Customer, CustomerChange, NewCustomer
from acdcore.calls.model.ports import (
    AGENT_CHANGES_MAX,
    AnswerFilter,
    Backlog,
    CallFilter,
    CallHistory,
    IdTaken,
    QueueVisitFilter,
    RecordingFilter,
    UnknownRecord,
    VersionConflict,
    WorkFilter,
)
from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEventRow,
    CdrRow,
    QueueVisitRow,
    RecordingRow,
    Row,
    TraceRow,
    WorkRow,
)
from acdcore.kernel.ids import AgentId, CallId, CustomerId
from acdcore.numbering.key import matching_key
from acdcore.storage.spool.rows import agents_of, queues_of
from acdcore.storage.stores import customer_card
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.history import FILED_WITHIN_S, number_key, page, too_many_changes, too_many_visits
from acdcore.storage.stores.password import ha1_hashes
from acdcore.storage.stores.people import check_agent, check_free
from acdcore.work.model import ENDED, WorkId, WorkItem


class MemoryCustomerStore:
    """Implements `CustomerStore`."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory
        self._last_id = len(directory.search("", sys.maxsize))

    async def create(self, new: NewCustomer) -> Customer:
        checked = customer_card.check_card(new)
        self._refuse_taken(checked, None)
        self._last_id += 1
        customer = _customer(CustomerId(self._last_id), checked, version=1)
        self._directory.put_customer(customer)
        return customer

    async def change(self, customer_id: CustomerId, change: CustomerChange, version: int) -> Customer:
        former = self._directory.customer(customer_id)
        if former is None:
            raise UnknownRecord(f"there is no customer {customer_id}")
        checked = customer_card.apply_change(former, change)
        self._refuse_taken(checked, customer_id)
        if former.version != version:
            raise VersionConflict(f"customer {customer_id} is at version {former.version}, not {version}")
        customer = _customer(customer_id, checked, version + 1)
        self._directory.put_customer(customer)
        return customer

    def _refuse_taken(self, checked: NewCustomer, owner: CustomerId | None) -> None:
        if checked.member_number is None:
            return
        holder = self._directory.customer_by_member_number(checked.member_number)
        if holder is not None and holder.id != owner:
            raise IdTaken(f"member number {checked.member_number} belongs to another customer")


class MemoryAgentStore:
    """Implements `AgentStore`."""

    def __init__(self, directory: MemoryDirectory, realm: str, trunk_users: Mapping[str, str]) -> None:
        self._directory = directory
        self._realm = realm
        self._trunk_users = trunk_users

    async def add(self, record: AgentRecord) -> None:
        check_agent(record)
        check_free(record.agent, self._trunk_users)
        if self._directory.agent(record.agent) is not None:
            raise IdTaken(f"there is an agent {record.agent} already")
        self._directory.put_agent(record)

    async def change(self, record: AgentRecord) -> None:
        check_agent(record)
        self._known(record.agent)
        self._directory.put_agent(record)

    async def set_password(self, agent: AgentId, password: str) -> None:
        hashes = ha1_hashes(agent, self._realm, password)
        self._directory.put_agent(replace(self._known(agent), ha1_md5=hashes.md5, ha1_sha256=hashes.sha256))

    def _known(self, agent: AgentId) -> AgentRecord:
        record = self._directory.agent(agent)
        if record is None:
            raise UnknownRecord(f"there is no agent {agent}")
        return record


class MemoryHistory:
    """Implements `Spool` and `History`: what is appended can be read at once."""

    def __init__(self, directory: MemoryDirectory) -> None:
        """`directory` knows the agents' names."""
        self._directory = directory
        self.cdrs: dict[CallId, CdrRow] = {}
        """By call."""
        self.call_events: dict[tuple[CallId, int], CallEventRow] = {}
        """By call and serial."""
        self.recording_rows: dict[tuple[CallId, int], RecordingRow] = {}
        """By call and number."""
        self.agent_events: list[AgentEventRow] = []
        """In order of arrival."""
        self._agent_keys: set[tuple[AgentId, datetime, int]] = set()
        self.work_rows: dict[WorkId, dict[int, WorkRow]] = {}
        """By item and serial."""
        self.answer_rows: dict[tuple[CallId, int], AnswerRow] = {}
        """By call and number."""
        self.trace_rows: dict[CallId, TraceRow] = {}
        """By call."""
        self.queue_visit_rows: dict[tuple[str, int], QueueVisitRow] = {}
        """By entry and number."""

    def append(self, row: Row) -> None:
        match row:
            case CdrRow():
                self.cdrs.setdefault(row.call_id, row)
            case CallEventRow():
                self.call_events.setdefault((row.call_id, row.serial), row)
            case RecordingRow():
                self.recording_rows.setdefault((row.call_id, row.n), row)
            case AgentEventRow() if (key := (row.agent, row.at, row.serial)) not in self._agent_keys:
                self._agent_keys.add(key)
                self.agent_events.append(row)
            case AgentEventRow():
                pass
            case WorkRow():
                self.work_rows.setdefault(row.work_id, {}).setdefault(row.serial, row)
            case AnswerRow():
                self.answer_rows.setdefault((row.call_id, row.n), row)
            case QueueVisitRow():
                self.queue_visit_rows.setdefault((row.entry, row.n), row)
            case TraceRow():
                self.trace_rows.setdefault(row.call_id, row)
            case _:
                assert_never(row)

    def backlog(self) -> Backlog:
        return Backlog(rows=0, oldest_age_s=0.0, size_bytes=0, rejected=0, dropped=0, alarm="")

    async def calls(self, wanted: CallFilter) -> Sequence[CdrRow]:
        fits = _call_test(wanted)
        found = [self._filed(row) for _, row in sorted(self.cdrs.items(), reverse=True) if fits(row)]
        return found[: page(wanted.limit)]

    def _filed(self, row: CdrRow) -> CdrRow:
        """The record as it is told: it names a recording only if there is one, or may be soon."""
        if not row.recording or row.ended_at > datetime.now(UTC) - timedelta(seconds=FILED_WITHIN_S):
            return row
        paths = [each.path for key, each in sorted(self.recording_rows.items()) if key[0] == row.call_id]
        return replace(row, recording=row.recording if row.recording in paths else next(iter(paths), ""))

    async def call(self, call_id: CallId) -> CallHistory | None:
        cdr = self.cdrs.get(call_id)
        if cdr is None:
            return None
        cdr = self._filed(cdr)
        events = tuple(row for key, row in sorted(self.call_events.items()) if key[0] == call_id)
        recordings = tuple(row for key, row in sorted(self.recording_rows.items()) if key[0] == call_id)
        return CallHistory(cdr, events, recordings)

    async def trace(self, call_id: CallId) -> TraceRow | None:
        return self.trace_rows.get(call_id)

    async def unfinished(self, since: CallId, before: CallId | None = None) -> Sequence[CallEventRow]:
        return [
            row
            for (call_id, _), row in sorted(self.call_events.items())
            if call_id >= since and (before is None or call_id < before) and call_id not in self.cdrs
        ]

    async def latest_call(self, before: CallId | None = None) -> CallId | None:
        known = (call_id for call_id, _ in self.call_events if before is None or call_id < before)
        return max(known, default=None)

    async def recordings(self, wanted: RecordingFilter) -> Sequence[RecordingRow]:
        fits = _recording_test(wanted)
        found = [
            row
            for _, row in sorted(self.recording_rows.items(), reverse=True)
            if fits(row) and self._is_named(row.agent, wanted.agent_name)
        ]
        return found[: page(wanted.limit)]

    async def recording(self, call_id: CallId, n: int) -> RecordingRow | None:
        return self.recording_rows.get((call_id, n))

    async def work(self, wanted: WorkFilter) -> Sequence[WorkItem]:
        fits = _work_test(wanted)
        found = [row.item for row in reversed(self._present()) if fits(row.item)]
        return found[: page(wanted.limit)]

    async def work_history(self, work_id: WorkId) -> Sequence[WorkRow]:
        return [row for _, row in sorted(self.work_rows.get(work_id, {}).items())]

    async def open_work(self) -> Sequence[WorkRow]:
        return [row for row in self._present() if row.item.state not in ENDED]

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        fits = _answer_test(wanted)
        found = [row for _, row in sorted(self.answer_rows.items(), reverse=True) if fits(row)]
        return found[: page(wanted.limit)]

    async def queue_visits(self, wanted: QueueVisitFilter) -> Sequence[QueueVisitRow]:
        found = [
            row
            for row in self.queue_visit_rows.values()
            if wanted.joined_from <= row.joined_at < wanted.joined_before
            and wanted.queue in (None, row.queue)
            and wanted.agent in (None, row.agent)
        ]
        if len(found) > wanted.limit:
            raise too_many_visits(wanted.limit)
        return sorted(found, key=lambda row: (row.joined_at, row.entry, row.n))

    async def agent_changes(
        self, changed_from: datetime, changed_before: datetime, agent: AgentId | None = None
    ) -> Sequence[AgentEventRow]:
        ordered = sorted(self.agent_events, key=lambda row: (row.agent, row.at, row.serial))
        rows = [row for row in ordered if agent in (None, row.agent)]
        latest = {row.agent: row for row in rows if row.at < changed_from}
        found = [*latest.values(), *(row for row in rows if changed_from <= row.at < changed_before)]
        if len(found) > AGENT_CHANGES_MAX:
            raise too_many_changes(AGENT_CHANGES_MAX)
        return sorted(found, key=lambda row: (row.agent, row.at, row.serial))

    def _present(self) -> list[WorkRow]:
        """The latest row of each item, in the order of their ids."""
        return [rows[max(rows)] for _, rows in sorted(self.work_rows.items())]

    def _is_named(self, agent: AgentId | None, part: str | None) -> bool:
        if part is None:
            return True
        record = None if agent is None else self._directory.agent(agent)
        return record is not None and part.lower() in record.name.lower()


def _customer(customer_id: CustomerId, new: NewCustomer, version: int) -> Customer:
    return Customer(
        id=customer_id,
        name=new.name,
        tier=new.tier,
        language=new.language,
        numbers=new.numbers,
        member_number=new.member_number,
        plates=new.plates,
        address=new.address,
        note=new.note,
        version=version,
        owner=new.owner,
        region=new.region,
    )


def _call_test(wanted: CallFilter) -> Callable[[CdrRow], bool]:
    caller = number_key("caller", wanted.caller)
    return lambda row: (
        (wanted.arrived_from is None or row.arrived_at >= wanted.arrived_from)
        and (wanted.arrived_before is None or row.arrived_at < wanted.arrived_before)
        and caller in (None, matching_key(row.caller))
        and (wanted.agent is None or wanted.agent in agents_of(row))
        and (wanted.queue is None or wanted.queue in queues_of(row))
        and wanted.customer_id in (None, row.customer_id)
        and wanted.end_cause in (None, row.end_cause)
        and wanted.is_served in (None, row.served_by is not None)
        and wanted.outcome in (None, row.outcome)
        and (wanted.duration_s_min is None or row.talk_s >= wanted.duration_s_min)
        and (wanted.before is None or row.call_id < wanted.before)
    )


def _recording_test(wanted: RecordingFilter) -> Callable[[RecordingRow], bool]:
    caller = number_key("caller", wanted.caller)
    return lambda row: (
        (wanted.started_from is None or row.started_at >= wanted.started_from)
        and (wanted.started_before is None or row.started_at < wanted.started_before)
        and caller in (None, matching_key(row.caller))
        and wanted.agent in (None, row.agent)
        and (wanted.duration_s_min is None or row.duration_s >= wanted.duration_s_min)
        and (wanted.duration_s_max is None or row.duration_s <= wanted.duration_s_max)
        and (wanted.before is None or (row.call_id, row.n) < wanted.before)
    )


def _work_test(wanted: WorkFilter) -> Callable[[WorkItem], bool]:
    number = number_key("number", wanted.number)
    return lambda item: (
        wanted.queue in (None, item.queue)
        and wanted.kind in (None, item.kind)
        and wanted.state in (None, item.state)
        and number in (None, matching_key(item.number))
        and wanted.agent in (None, item.agent)
        and wanted.is_open in (None, item.state not in ENDED)
        and (wanted.before is None or item.id < wanted.before)
    )


def _answer_test(wanted: AnswerFilter) -> Callable[[AnswerRow], bool]:
    return lambda row: (
        wanted.flow in (None, row.flow)
        and wanted.question in (None, row.question)
        and wanted.agent in (None, row.agent)
        and wanted.queue in (None, row.queue)
        and wanted.call_id in (None, row.call_id)
        and (wanted.given_from is None or row.at >= wanted.given_from)
        and (wanted.given_before is None or row.at < wanted.given_before)
        and (wanted.before is None or (row.call_id, row.n) < wanted.before)
    )
