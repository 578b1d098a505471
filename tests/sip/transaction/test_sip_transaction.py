"""The transaction tables, row by row, and the layer that carries the rows out."""

import pytest

from acdcore.kernel.address import Address
from acdcore.kernel.deadlines import Deadlines
from acdcore.sip.events import Discarded, Output, SipFlow, Transmit, Transport
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import parse
from acdcore.sip.transaction.layer import EndpointTurn, Transactions
from acdcore.sip.transaction.tables import (
    FIRST,
    NOBODY,
    TABLES,
    Stimulus,
    Transaction,
    TransactionAction,
    TransactionInput,
    TransactionKind,
    TransactionRow,
    TransactionState,
    cancel_of,
    failure_ack,
)
from acdcore.sip.transaction.timers import SipTimer, TimerKey, Timing

UDP = SipFlow(Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060))
TCP = SipFlow(Transport.TCP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060), 7)
T = Timing()

CLIENT_INPUTS = frozenset(
    {TransactionInput.PROVISIONAL, TransactionInput.SUCCESS, TransactionInput.FAILURE, TransactionInput.UNREACHABLE}
)
INPUTS = {
    TransactionKind.INVITE_CLIENT: CLIENT_INPUTS,
    TransactionKind.CLIENT: CLIENT_INPUTS,
    TransactionKind.INVITE_SERVER: CLIENT_INPUTS | {TransactionInput.REQUEST, TransactionInput.ACK},
    TransactionKind.SERVER: CLIENT_INPUTS | {TransactionInput.REQUEST},
}
ROWS = [
    pytest.param(kind, state, stimulus, row, id=f"{kind}: {state} + {stimulus}")
    for kind, table in TABLES.items()
    for (state, stimulus), row in table.items()
]

# The way from the first state to each other one, used to bring a transaction there before its row is tried.
WAYS: dict[tuple[TransactionKind, TransactionState], tuple[Stimulus, ...]] = {
    (TransactionKind.INVITE_CLIENT, TransactionState.CALLING): (),
    (TransactionKind.INVITE_CLIENT, TransactionState.PROCEEDING): (TransactionInput.PROVISIONAL,),
    (TransactionKind.INVITE_CLIENT, TransactionState.COMPLETED): (TransactionInput.FAILURE,),
    (TransactionKind.INVITE_CLIENT, TransactionState.ACCEPTED): (TransactionInput.SUCCESS,),
    (TransactionKind.CLIENT, TransactionState.TRYING): (),
    (TransactionKind.CLIENT, TransactionState.PROCEEDING): (TransactionInput.PROVISIONAL,),
    (TransactionKind.CLIENT, TransactionState.COMPLETED): (TransactionInput.SUCCESS,),
    (TransactionKind.INVITE_SERVER, TransactionState.PROCEEDING): (TransactionInput.PROVISIONAL,),
    (TransactionKind.INVITE_SERVER, TransactionState.COMPLETED): (TransactionInput.FAILURE,),
    (TransactionKind.INVITE_SERVER, TransactionState.CONFIRMED): (TransactionInput.FAILURE, TransactionInput.ACK),
    (TransactionKind.INVITE_SERVER, TransactionState.ACCEPTED): (TransactionInput.SUCCESS,),
    (TransactionKind.SERVER, TransactionState.TRYING): (),
    (TransactionKind.SERVER, TransactionState.PROCEEDING): (TransactionInput.PROVISIONAL,),
    (TransactionKind.SERVER, TransactionState.COMPLETED): (TransactionInput.SUCCESS,),
}
STATUS = {TransactionInput.PROVISIONAL: 180, TransactionInput.SUCCESS: 200, TransactionInput.FAILURE: 486}


def request(method: str, branch: str = "z9hG4bKone") -> Request:
    message = parse(
        (
            f"{method} sip:bob@192.0.2.2 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch}\r\n"
            "Route: <sip:proxy@192.0.2.9;lr>\r\n"
            "From: <sip:alice@example.com>;tag=a\r\n"
            "To: <sip:bob@192.0.2.2>\r\n"
            "Call-ID: one\r\n"
            f"CSeq: 1 {method}\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()
    )
    assert isinstance(message, Request)
    return message


class Bench:
    """One transaction of a kind in the layer, and everything that it brought forth."""

    def __init__(self, kind: TransactionKind, flow: SipFlow = UDP) -> None:
        self.deadlines: Deadlines[TimerKey] = Deadlines()
        self.layer = Transactions(T, self.deadlines)
        self.flow = flow
        self.now = 0.0
        self.out: list[Output] = []
        self.request = request(
            "INVITE" if kind in (TransactionKind.INVITE_CLIENT, TransactionKind.INVITE_SERVER) else "OPTIONS"
        )
        self.transaction = self._open(kind)

    def _open(self, kind: TransactionKind) -> Transaction:
        if kind in (TransactionKind.INVITE_CLIENT, TransactionKind.CLIENT):
            return self.layer.open_client(self.request, self.flow, NOBODY, self.turn())
        return self.layer.open_server(self.request, self.flow, NOBODY, "tag")

    def turn(self) -> EndpointTurn:
        return EndpointTurn(self.now, self.out)

    def response(self, status: int) -> Response:
        return self.request.response(status, to_tag="b")

    def give(self, stimulus: Stimulus) -> TransactionAction | None:
        """Let one stimulus meet the transaction in the way in which it would really come."""
        layer, transaction = self.layer, self.transaction
        if isinstance(stimulus, SipTimer):
            found = layer.expire(TimerKey(stimulus, transaction.number), self.turn())
            return None if found is None else found[1]
        if stimulus in (TransactionInput.REQUEST, TransactionInput.ACK):
            message = request("ACK") if stimulus is TransactionInput.ACK else self.request
            return layer.receive_request(transaction, message, self.turn())
        if stimulus is TransactionInput.UNREACHABLE:
            return TransactionAction.TELL_UNREACHABLE if layer.close_flow(self.flow, self.turn()) else None
        if transaction.is_server:
            layer.reply(transaction, self.response(STATUS[stimulus]), self.turn())
            return None
        return layer.receive_response(transaction, self.response(STATUS[stimulus]), self.flow, self.turn())

    def armed(self) -> set[SipTimer]:
        return {timer for timer in SipTimer if TimerKey(timer, self.transaction.number) in self.deadlines}

    def sent(self) -> list[bytes]:
        return [output.data for output in self.out if isinstance(output, Transmit)]


@pytest.mark.parametrize("kind", TransactionKind)
def test_every_state_has_a_row_for_every_message(kind: TransactionKind) -> None:
    states = {state for state, _ in TABLES[kind]}
    for state in states:
        missing = [stimulus for stimulus in INPUTS[kind] if (state, stimulus) not in TABLES[kind]]
        assert not missing, f"{state} does not say what follows from {missing}"


@pytest.mark.parametrize("kind", TransactionKind)
def test_every_state_is_reached_and_left(kind: TransactionKind) -> None:
    table = TABLES[kind]
    reached = {row.state for row in table.values()} | {FIRST[kind].state}
    assert reached - {TransactionState.TERMINATED} == {state for state, _ in table}
    for state in {state for state, _ in table}:
        assert any(row.state is not state for (source, _), row in table.items() if source is state)


@pytest.mark.parametrize("kind", TransactionKind)
def test_every_timer_with_a_row_is_started_by_some_row(kind: TransactionKind) -> None:
    started = {timer for row in TABLES[kind].values() for timer in row.start} | set(FIRST[kind].start)
    assert started == {stimulus for _, stimulus in TABLES[kind] if isinstance(stimulus, SipTimer)}


@pytest.mark.parametrize(("kind", "state", "stimulus", "row"), ROWS)
def test_row(kind: TransactionKind, state: TransactionState, stimulus: Stimulus, row: TransactionRow) -> None:
    """Bring a transaction into the state, give it the stimulus, and see everything that the row says, and no more."""
    bench = Bench(kind)
    for step in WAYS[kind, state]:
        bench.give(step)
    assert bench.transaction.state is state
    before = bench.armed()
    last = bench.transaction.last
    bench.out.clear()
    told = bench.give(stimulus)
    assert bench.transaction.state is row.state
    tellings = [
        action
        for action in row.actions
        if action in (TransactionAction.PASS_UP, TransactionAction.TELL_TIMEOUT, TransactionAction.TELL_UNREACHABLE)
    ]
    # A server's replies come from its user, who needs not be told of them.
    assert told == (tellings[0] if tellings else None)
    sends = {TransactionAction.SEND, TransactionAction.RESEND, TransactionAction.ACKNOWLEDGE} & set(row.actions)
    assert len(bench.sent()) == (1 if sends else 0)
    if TransactionAction.RESEND in sends:
        assert bench.sent() == [last]
    if TransactionAction.ACKNOWLEDGE in sends:
        assert bench.sent()[0].startswith(b"ACK sip:bob@192.0.2.2 SIP/2.0")
    is_counted = TransactionAction.DISCARD in row.actions and stimulus is not TransactionInput.REQUEST
    assert any(isinstance(output, Discarded) for output in bench.out) == is_counted
    kept = {timer for timer in before if (row.state, timer) in TABLES[kind]}
    fired = {stimulus} if isinstance(stimulus, SipTimer) and TransactionAction.BACK_OFF not in row.actions else set()
    assert bench.armed() == (kept | set(row.start)) - fired
    if row.state is TransactionState.TERMINATED:
        assert len(bench.layer) == 0
        assert len(bench.deadlines) == 0


def test_unknown_pair_is_a_bug_of_ours() -> None:
    bench = Bench(TransactionKind.CLIENT)
    with pytest.raises(KeyError):
        bench.transaction.step(SipTimer.G)


def gaps(bench: Bench, timer: SipTimer, count: int) -> list[float]:
    """How long one timer runs each time."""
    found = []
    key = TimerKey(timer, bench.transaction.number)
    for _ in range(count):
        at = bench.deadlines.earliest()
        assert at is not None
        found.append(at - bench.now)
        bench.now = at
        assert bench.deadlines.pop_due(at) == key
        bench.layer.expire(key, bench.turn())
    return found


def test_timer_a_doubles_without_limit() -> None:
    assert gaps(Bench(TransactionKind.INVITE_CLIENT), SipTimer.A, 6) == [0.5, 1, 2, 4, 8, 16]


def test_timer_e_doubles_up_to_t2() -> None:
    assert gaps(Bench(TransactionKind.CLIENT), SipTimer.E, 6) == [0.5, 1, 2, 4, 4, 4]


def test_timer_e_runs_t2_while_proceeding() -> None:
    bench = Bench(TransactionKind.CLIENT)
    bench.give(TransactionInput.PROVISIONAL)
    assert gaps(bench, SipTimer.E, 3) == [0.5, 4, 4]


def test_timer_g_doubles_up_to_t2() -> None:
    bench = Bench(TransactionKind.INVITE_SERVER)
    bench.give(TransactionInput.FAILURE)
    assert gaps(bench, SipTimer.G, 6) == [0.5, 1, 2, 4, 4, 4]


def test_reliable_transport_arms_no_retransmission() -> None:
    assert Bench(TransactionKind.INVITE_CLIENT, TCP).armed() == {SipTimer.B}
    assert Bench(TransactionKind.CLIENT, TCP).armed() == {SipTimer.F}
    server = Bench(TransactionKind.INVITE_SERVER, TCP)
    server.give(TransactionInput.FAILURE)
    assert server.armed() == {SipTimer.H}


def test_reliable_transport_ends_at_once_where_nothing_can_be_repeated() -> None:
    for kind, way in (
        (TransactionKind.INVITE_CLIENT, (TransactionInput.FAILURE,)),
        (TransactionKind.CLIENT, (TransactionInput.SUCCESS,)),
        (TransactionKind.INVITE_SERVER, (TransactionInput.FAILURE, TransactionInput.ACK)),
        (TransactionKind.SERVER, (TransactionInput.SUCCESS,)),
    ):
        bench = Bench(kind, TCP)
        for step in way:
            bench.give(step)
        assert len(bench.layer) == 0, kind
        assert len(bench.deadlines) == 0, kind


def test_accepted_absorbs_retransmitted_invite() -> None:
    bench = Bench(TransactionKind.INVITE_SERVER)
    bench.give(TransactionInput.SUCCESS)
    bench.out.clear()
    bench.give(TransactionInput.REQUEST)
    assert bench.out == []


def test_accepted_passes_every_2xx_up() -> None:
    bench = Bench(TransactionKind.INVITE_CLIENT)
    assert [bench.give(TransactionInput.SUCCESS) for _ in range(3)] == [TransactionAction.PASS_UP] * 3


def test_failure_is_acknowledged_hop_by_hop() -> None:
    invite = request("INVITE")
    ack = failure_ack(invite, invite.response(486, to_tag="b"))
    assert str(ack.via) == str(invite.via)
    assert (ack.method, ack.uri, ack.cseq.number, ack.cseq.method) == ("ACK", invite.uri, 1, "ACK")
    assert ack.to.tag == "b"
    assert ack.headers.get("Route") == "<sip:proxy@192.0.2.9;lr>"


def test_cancel_takes_the_branch_of_its_invite() -> None:
    invite = request("INVITE")
    cancel = cancel_of(invite)
    assert cancel.via.branch == invite.via.branch
    assert cancel.to.tag is None
    assert (cancel.cseq.number, cancel.cseq.method) == (1, "CANCEL")
    assert "Contact" not in cancel.headers


def test_server_transaction_is_found_by_branch_sent_by_and_method() -> None:
    bench = Bench(TransactionKind.INVITE_SERVER)
    assert bench.layer.find_server(request("INVITE"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("ACK"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("CANCEL"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("CANCEL"), "CANCEL") is None
    assert bench.layer.find_server(request("INVITE", "z9hG4bKtwo"), "INVITE") is None


def test_rfc_2543_peers_without_cookie_are_matched_by_other_headers() -> None:
    bench = Bench(TransactionKind.SERVER)
    old = request("INVITE", "1")
    transaction = bench.layer.open_server(old, UDP, NOBODY, "tag")
    assert bench.layer.find_server(request("ACK", "1"), "INVITE") is transaction
    assert bench.layer.find_server(request("INVITE", "2"), "INVITE") is None


def test_same_request_over_another_path_is_merged() -> None:
    bench = Bench(TransactionKind.INVITE_SERVER)
    assert bench.layer.is_merged(request("INVITE", "z9hG4bKother"))
    assert not bench.layer.is_merged(request("OPTIONS", "z9hG4bKother"))
    bench.give(TransactionInput.UNREACHABLE)
    assert not bench.layer.is_merged(request("INVITE", "z9hG4bKother"))


def test_transaction_without_connection_stays_on_the_one_that_answered() -> None:
    opening = SipFlow(TCP.transport, TCP.local, TCP.remote)
    bench = Bench(TransactionKind.CLIENT, opening)
    bench.layer.receive_response(bench.transaction, bench.response(180), TCP, bench.turn())
    assert bench.transaction.flow == TCP
