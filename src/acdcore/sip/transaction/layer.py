"""The transaction layer: every live transaction, how messages find it, its timers and its transmissions."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import TypeAlias

from acdcore.kernel.deadlines import Deadlines
from acdcore.sip.events import Discarded, DiscardReason, Output, SipFlow, Transmit, Transport
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.transaction.tables import (
    FIRST,
    STOPPED,
    ClientKey,
    Owner,
    ServerKey,
    Stimulus,
    Transaction,
    TransactionAction,
    TransactionInput,
    TransactionKind,
    TransactionRow,
    TransactionState,
    failure_ack,
    server_key,
    status_input,
)
from acdcore.sip.transaction.timers import SipTimer, TimerKey, Timing

MergeKey: TypeAlias = tuple[str, str, int, str]
"""(Call-ID, From tag, CSeq number, method): the same request over two paths shares it (section 8.2.2.2)."""


@dataclass(slots=True)
class EndpointTurn:
    """One call into the endpoint: the time, and what comes out of it."""

    now: float
    """Monotonic seconds."""
    out: list[Output]
    """The outputs so far, in order."""


class Transactions:
    """All transactions of an endpoint.

    Methods return what the transaction user must be told: an Action out of PASS_UP, TELL_TIMEOUT and
    TELL_UNREACHABLE, or None.
    """

    def __init__(self, timing: Timing, deadlines: Deadlines[TimerKey]) -> None:
        self._timing = timing
        self._durations_s = {
            (transport, timer): timing.duration_s(timer, transport.is_reliable)
            for transport in Transport
            for timer in SipTimer
        }
        self._deadlines = deadlines
        self._live: dict[int, Transaction] = {}
        self._clients: dict[ClientKey, Transaction] = {}
        self._servers: dict[ServerKey, Transaction] = {}
        self._merged: dict[MergeKey, Transaction] = {}
        self._serial = 0
        self._served_for: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def served(self) -> int:
        """Requests of peers."""
        return len(self._servers)

    @property
    def sent(self) -> int:
        """Requests of ours."""
        return len(self._clients)

    def served_for(self, host: str) -> int:
        """Requests of the peers at one address."""
        return self._served_for[host]

    def find(self, number: int) -> Transaction | None:
        """A live transaction by its number."""
        return self._live.get(number)

    def find_server(self, request: Request, method: str) -> Transaction | None:
        """The server transaction that `request` belongs to when taken as `method`.

        A new request under an old branch, which is wrong (section 8.1.1.7), is known by its CSeq: taken for a copy of
        the old one it would never be answered.
        """
        key = server_key(request, method)
        found = self._servers.get(key)
        if found is None or found.request.cseq.number == request.cseq.number:
            return found
        other = self._servers.get(_key_of_reused_branch(key, request))
        return other if other is not None or request.method == method else found

    def find_client(self, response: Response) -> Transaction | None:
        """The client transaction that a response answers (section 17.1.3)."""
        return self._clients.get((response.via.branch or "", response.cseq.method))

    def is_merged(self, request: Request) -> bool:
        """Whether a new request without To tag already came over another path (section 8.2.2.2)."""
        return _merge_key(request) in self._merged

    def open_server(self, request: Request, flow: SipFlow, owner: Owner, to_tag: str) -> Transaction:
        """Begin to serve a request that has no transaction yet."""
        kind = TransactionKind.INVITE_SERVER if request.method == "INVITE" else TransactionKind.SERVER
        key = server_key(request, request.method)
        if key in self._servers:
            key = _key_of_reused_branch(key, request)
        transaction = self._open(kind, key, request, flow, owner)
        transaction.to_tag = to_tag
        self._servers[key] = transaction
        self._served_for[flow.remote.host] += 1
        if request.to.tag is None:
            self._merged.setdefault(_merge_key(request), transaction)
        return transaction

    def open_client(self, request: Request, flow: SipFlow, owner: Owner, turn: EndpointTurn) -> Transaction:
        """Send a request; its only Via is ours, ends in the branch, and was never used for this method before."""
        kind = TransactionKind.INVITE_CLIENT if request.method == "INVITE" else TransactionKind.CLIENT
        key = ((request.headers.get("Via") or "").rpartition("branch=")[2], request.method)
        transaction = self._open(kind, key, request, flow, owner)
        self._clients[key] = transaction
        self._carry_out(transaction, FIRST[kind], None, request.serialise(), turn)
        return transaction

    def receive_request(
        self, transaction: Transaction, request: Request, turn: EndpointTurn
    ) -> TransactionAction | None:
        """A request that met its transaction: a retransmission, or the ACK of an INVITE."""
        stimulus = TransactionInput.ACK if request.method == "ACK" else TransactionInput.REQUEST
        return self._step(transaction, stimulus, b"", turn)

    def receive_response(
        self, transaction: Transaction, response: Response, flow: SipFlow, turn: EndpointTurn
    ) -> TransactionAction | None:
        """A response that met its transaction; a failure of INVITE is acknowledged here."""
        if flow.connection and not transaction.flow.connection:
            # The driver has opened the connection that we asked for: stay on it.
            transaction.flow = replace(transaction.flow, connection=flow.connection)
        stimulus = status_input(response.status)
        if (
            stimulus is TransactionInput.FAILURE
            and transaction.kind is TransactionKind.INVITE_CLIENT
            and not transaction.acks
        ):
            to_tag = response.to.tag or ""
            transaction.acks[to_tag] = failure_ack(transaction.request, response).serialise()
        return self._step(transaction, stimulus, b"", turn)

    def reply(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> bytes:
        """Send a response; returns its bytes, because the user repeats a 2xx to INVITE itself."""
        data = response.serialise()
        self._step(transaction, status_input(response.status), data, turn)
        return data

    def expire(self, key: TimerKey, turn: EndpointTurn) -> tuple[Transaction, TransactionAction] | None:
        """One of a transaction's timers fired; returns whom to tell what, if anybody."""
        transaction = self._live.get(key.owner)
        if transaction is None:
            return None
        reported = self._step(transaction, key.timer, b"", turn)
        return None if reported is None else (transaction, reported)

    def close_flow(self, flow: SipFlow, turn: EndpointTurn) -> list[Transaction]:
        """A connection is gone; returns the transactions whose users have to know."""
        hit = [transaction for transaction in self._live.values() if transaction.flow == flow]
        for transaction in hit:
            if transaction.outlives_its_flow:
                transaction.flow = replace(flow, connection=0)
        return [
            one
            for one in hit
            if one.flow == flow and self._step(one, TransactionInput.UNREACHABLE, b"", turn) is not None
        ]

    def drop(self, transaction: Transaction) -> None:
        """Forget a transaction whose user has given up on it (a CANCEL that brought nothing, section 9.1)."""
        before = transaction.state
        transaction.state = TransactionState.TERMINATED
        self._stop(transaction, before)
        self._forget(transaction)

    def _open(
        self, kind: TransactionKind, key: ServerKey | ClientKey, request: Request, flow: SipFlow, owner: Owner
    ) -> Transaction:
        self._serial += 1
        transaction = Transaction(self._serial, kind, key, flow, request, owner, FIRST[kind].state)
        self._live[self._serial] = transaction
        return transaction

    def _step(
        self, transaction: Transaction, stimulus: Stimulus, data: bytes, turn: EndpointTurn
    ) -> TransactionAction | None:
        before = transaction.state
        row = transaction.step(stimulus)
        if row.state is not before:
            self._stop(transaction, before)
        return self._carry_out(transaction, row, stimulus, data, turn)

    def _carry_out(
        self, transaction: Transaction, row: TransactionRow, stimulus: Stimulus | None, data: bytes, turn: EndpointTurn
    ) -> TransactionAction | None:
        reported: TransactionAction | None = None
        for action in row.actions:
            match action:
                case TransactionAction.SEND:
                    transaction.last = data
                    turn.out.append(Transmit(data, transaction.flow))
                case TransactionAction.PASS_UP | TransactionAction.TELL_TIMEOUT | TransactionAction.TELL_UNREACHABLE:
                    reported = action
                case TransactionAction.RESEND:
                    if transaction.last:
                        turn.out.append(Transmit(transaction.last, transaction.flow))
                case TransactionAction.ACKNOWLEDGE:
                    turn.out.extend(Transmit(ack, transaction.flow) for ack in transaction.acks.values())
                case TransactionAction.BACK_OFF:
                    self._back_off(transaction, stimulus, turn.now)
                case TransactionAction.DISCARD:
                    if not isinstance(stimulus, SipTimer) and stimulus is not TransactionInput.REQUEST:
                        turn.out.append(Discarded(DiscardReason.UNEXPECTED, transaction.flow))
        for timer in row.start:
            reported = self._start(transaction, timer, turn) or reported
        if transaction.state is TransactionState.TERMINATED:
            self._forget(transaction)
        return reported

    def _start(self, transaction: Transaction, timer: SipTimer, turn: EndpointTurn) -> TransactionAction | None:
        duration_s = self._durations_s[transaction.flow.transport, timer]
        if duration_s is None:
            return None
        if duration_s == 0.0:
            return self._step(transaction, timer, b"", turn)
        if timer in (SipTimer.A, SipTimer.E, SipTimer.G):
            transaction.gap_s = duration_s
        self._deadlines.set(TimerKey(timer, transaction.number), turn.now + duration_s)
        return None

    def _back_off(self, transaction: Transaction, stimulus: Stimulus | None, now: float) -> None:
        assert isinstance(stimulus, SipTimer)
        gap_s = 2 * transaction.gap_s
        if stimulus is not SipTimer.A:
            gap_s = min(gap_s, self._timing.t2_s)
        if stimulus is SipTimer.E and transaction.state is TransactionState.PROCEEDING:
            gap_s = self._timing.t2_s
        transaction.gap_s = gap_s
        self._deadlines.set(TimerKey(stimulus, transaction.number), now + gap_s)

    def _stop(self, transaction: Transaction, before: TransactionState) -> None:
        for timer in STOPPED[transaction.kind, before, transaction.state]:
            self._deadlines.cancel(TimerKey(timer, transaction.number))

    def _forget(self, transaction: Transaction) -> None:
        self._live.pop(transaction.number, None)
        if len(transaction.key) == 2:
            self._clients.pop(transaction.key, None)
            return
        if self._servers.pop(transaction.key, None) is not None:
            host = transaction.flow.remote.host
            self._served_for[host] -= 1
            if not self._served_for[host]:
                del self._served_for[host]
        merge_key = _merge_key(transaction.request)
        if self._merged.get(merge_key) is transaction:
            del self._merged[merge_key]


def _key_of_reused_branch(key: ServerKey, request: Request) -> ServerKey:
    """The key of a request whose sender has used its branch before."""
    branch, sent_by, method = key
    return f"{branch} {request.cseq.number}", sent_by, method


def _merge_key(request: Request) -> MergeKey:
    cseq = request.cseq
    return request.call_id, request.from_.tag or "", cseq.number, cseq.method
