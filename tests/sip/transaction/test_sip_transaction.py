"""The transaction tables, row by row, and the layer that carries the rows out."""

import pytest

from acdcore.kernel.address import Address
from acdcore.kernel.deadlines import Deadlines
from acdcore.sip.events import Discarded, Flow, Output, Transmit, Transport
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import parse
from acdcore.sip.transaction.layer import Transactions, Turn
from acdcore.sip.transaction.tables import (
    FIRST,
    NOBODY,
    TABLES,
    Action,
    Input,
    Kind,
    Row,
    State,
    Stimulus,
    Transaction,
    cancel_of,
    failure_ack,
)
from acdcore.sip.transaction.timers import Timer, TimerKey, Timing

UDP = Flow(Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060))
TCP = Flow(Transport.TCP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060), 7)
T = Timing()

CLIENT_INPUTS = frozenset({Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.UNREACHABLE})
INPUTS = {
    Kind.INVITE_CLIENT: CLIENT_INPUTS,
    Kind.CLIENT: CLIENT_INPUTS,
    Kind.INVITE_SERVER: CLIENT_INPUTS | {Input.REQUEST, Input.ACK},
    Kind.SERVER: CLIENT_INPUTS | {Input.REQUEST},
}
ROWS = [
    pytest.param(kind, state, stimulus, row, id=f"{kind}: {state} + {stimulus}")
    for kind, table in TABLES.items()
    for (state, stimulus), row in table.items()
]

# The way from the first state to each other one, used to bring a transaction there before its row is tried.
WAYS: dict[tuple[Kind, State], tuple[Stimulus, ...]] = {
    (Kind.INVITE_CLIENT, State.CALLING): (),
    (Kind.INVITE_CLIENT, State.PROCEEDING): (Input.PROVISIONAL,),
    (Kind.INVITE_CLIENT, State.COMPLETED): (Input.FAILURE,),
    (Kind.INVITE_CLIENT, State.ACCEPTED): (Input.SUCCESS,),
    (Kind.CLIENT, State.TRYING): (),
    (Kind.CLIENT, State.PROCEEDING): (Input.PROVISIONAL,),
    (Kind.CLIENT, State.COMPLETED): (Input.SUCCESS,),
    (Kind.INVITE_SERVER, State.PROCEEDING): (Input.PROVISIONAL,),
    (Kind.INVITE_SERVER, State.COMPLETED): (Input.FAILURE,),
    (Kind.INVITE_SERVER, State.CONFIRMED): (Input.FAILURE, Input.ACK),
    (Kind.INVITE_SERVER, State.ACCEPTED): (Input.SUCCESS,),
    (Kind.SERVER, State.TRYING): (),
    (Kind.SERVER, State.PROCEEDING): (Input.PROVISIONAL,),
    (Kind.SERVER, State.COMPLETED): (Input.SUCCESS,),
}
STATUS = {Input.PROVISIONAL: 180, Input.SUCCESS: 200, Input.FAILURE: 486}


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

    def __init__(self, kind: Kind, flow: Flow = UDP) -> None:
        self.deadlines: Deadlines[TimerKey] = Deadlines()
        self.layer = Transactions(T, self.deadlines)
        self.flow = flow
        self.now = 0.0
        self.out: list[Output] = []
        self.request = request("INVITE" if kind in (Kind.INVITE_CLIENT, Kind.INVITE_SERVER) else "OPTIONS")
        self.transaction = self._open(kind)

    def _open(self, kind: Kind) -> Transaction:
        if kind in (Kind.INVITE_CLIENT, Kind.CLIENT):
            return self.layer.open_client(self.request, self.flow, NOBODY, self.turn())
        return self.layer.open_server(self.request, self.flow, NOBODY, "tag")

    def turn(self) -> Turn:
        return Turn(self.now, self.out)

    def response(self, status: int) -> Response:
        return self.request.response(status, to_tag="b")

    def give(self, stimulus: Stimulus) -> Action | None:
        """Let one stimulus meet the transaction in the way in which it would really come."""
        layer, transaction = self.layer, self.transaction
        if isinstance(stimulus, Timer):
            found = layer.expire(TimerKey(stimulus, transaction.number), self.turn())
            return None if found is None else found[1]
        if stimulus in (Input.REQUEST, Input.ACK):
            message = request("ACK") if stimulus is Input.ACK else self.request
            return layer.receive_request(transaction, message, self.turn())
        if stimulus is Input.UNREACHABLE:
            return Action.TELL_UNREACHABLE if layer.close_flow(self.flow, self.turn()) else None
        if transaction.is_server:
            layer.reply(transaction, self.response(STATUS[stimulus]), self.turn())
            return None
        return layer.receive_response(transaction, self.response(STATUS[stimulus]), self.flow, self.turn())

    def armed(self) -> set[Timer]:
        return {timer for timer in Timer if TimerKey(timer, self.transaction.number) in self.deadlines}

    def sent(self) -> list[bytes]:
        return [output.data for output in self.out if isinstance(output, Transmit)]


@pytest.mark.parametrize("kind", Kind)
def test_every_state_has_a_row_for_every_message(kind: Kind) -> None:
    states = {state for state, _ in TABLES[kind]}
    for state in states:
        missing = [stimulus for stimulus in INPUTS[kind] if (state, stimulus) not in TABLES[kind]]
        assert not missing, f"{state} does not say what follows from {missing}"


@pytest.mark.parametrize("kind", Kind)
def test_every_state_is_reached_and_left(kind: Kind) -> None:
    table = TABLES[kind]
    reached = {row.state for row in table.values()} | {FIRST[kind].state}
    assert reached - {State.TERMINATED} == {state for state, _ in table}
    for state in {state for state, _ in table}:
        assert any(row.state is not state for (source, _), row in table.items() if source is state)


@pytest.mark.parametrize("kind", Kind)
def test_every_timer_with_a_row_is_started_by_some_row(kind: Kind) -> None:
    started = {timer for row in TABLES[kind].values() for timer in row.start} | set(FIRST[kind].start)
    assert started == {stimulus for _, stimulus in TABLES[kind] if isinstance(stimulus, Timer)}


@pytest.mark.parametrize(("kind", "state", "stimulus", "row"), ROWS)
def test_row(kind: Kind, state: State, stimulus: Stimulus, row: Row) -> None:
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
        action for action in row.actions if action in (Action.PASS_UP, Action.TELL_TIMEOUT, Action.TELL_UNREACHABLE)
    ]
    # A server's replies come from its user, who needs not be told of them.
    assert told == (tellings[0] if tellings else None)
    sends = {Action.SEND, Action.RESEND, Action.ACKNOWLEDGE} & set(row.actions)
    assert len(bench.sent()) == (1 if sends else 0)
    if Action.RESEND in sends:
        assert bench.sent() == [last]
    if Action.ACKNOWLEDGE in sends:
        assert bench.sent()[0].startswith(b"ACK sip:bob@192.0.2.2 SIP/2.0")
    is_counted = Action.DISCARD in row.actions and stimulus is not Input.REQUEST
    assert any(isinstance(output, Discarded) for output in bench.out) == is_counted
    kept = {timer for timer in before if (row.state, timer) in TABLES[kind]}
    fired = {stimulus} if isinstance(stimulus, Timer) and Action.BACK_OFF not in row.actions else set()
    assert bench.armed() == (kept | set(row.start)) - fired
    if row.state is State.TERMINATED:
        assert len(bench.layer) == 0
        assert len(bench.deadlines) == 0


def test_unknown_pair_is_a_bug_of_ours() -> None:
    bench = Bench(Kind.CLIENT)
    with pytest.raises(KeyError):
        bench.transaction.step(Timer.G)


def gaps(bench: Bench, timer: Timer, count: int) -> list[float]:
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
    assert gaps(Bench(Kind.INVITE_CLIENT), Timer.A, 6) == [0.5, 1, 2, 4, 8, 16]


def test_timer_e_doubles_up_to_t2() -> None:
    assert gaps(Bench(Kind.CLIENT), Timer.E, 6) == [0.5, 1, 2, 4, 4, 4]


def test_timer_e_runs_t2_while_proceeding() -> None:
    bench = Bench(Kind.CLIENT)
    bench.give(Input.PROVISIONAL)
    assert gaps(bench, Timer.E, 3) == [0.5, 4, 4]


def test_timer_g_doubles_up_to_t2() -> None:
    bench = Bench(Kind.INVITE_SERVER)
    bench.give(Input.FAILURE)
    assert gaps(bench, Timer.G, 6) == [0.5, 1, 2, 4, 4, 4]


def test_reliable_transport_arms_no_retransmission() -> None:
    assert Bench(Kind.INVITE_CLIENT, TCP).armed() == {Timer.B}
    assert Bench(Kind.CLIENT, TCP).armed() == {Timer.F}
    server = Bench(Kind.INVITE_SERVER, TCP)
    server.give(Input.FAILURE)
    assert server.armed() == {Timer.H}


def test_reliable_transport_ends_at_once_where_nothing_can_be_repeated() -> None:
    for kind, way in (
        (Kind.INVITE_CLIENT, (Input.FAILURE,)),
        (Kind.CLIENT, (Input.SUCCESS,)),
        (Kind.INVITE_SERVER, (Input.FAILURE, Input.ACK)),
        (Kind.SERVER, (Input.SUCCESS,)),
    ):
        bench = Bench(kind, TCP)
        for step in way:
            bench.give(step)
        assert len(bench.layer) == 0, kind
        assert len(bench.deadlines) == 0, kind


def test_accepted_absorbs_retransmitted_invite() -> None:
    bench = Bench(Kind.INVITE_SERVER)
    bench.give(Input.SUCCESS)
    bench.out.clear()
    bench.give(Input.REQUEST)
    assert bench.out == []


def test_accepted_passes_every_2xx_up() -> None:
    bench = Bench(Kind.INVITE_CLIENT)
    assert [bench.give(Input.SUCCESS) for _ in range(3)] == [Action.PASS_UP] * 3


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
    bench = Bench(Kind.INVITE_SERVER)
    assert bench.layer.find_server(request("INVITE"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("ACK"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("CANCEL"), "INVITE") is bench.transaction
    assert bench.layer.find_server(request("CANCEL"), "CANCEL") is None
    assert bench.layer.find_server(request("INVITE", "z9hG4bKtwo"), "INVITE") is None


def test_rfc_2543_peers_without_cookie_are_matched_by_other_headers() -> None:
    bench = Bench(Kind.SERVER)
    old = request("INVITE", "1")
    transaction = bench.layer.open_server(old, UDP, NOBODY, "tag")
    assert bench.layer.find_server(request("ACK", "1"), "INVITE") is transaction
    assert bench.layer.find_server(request("INVITE", "2"), "INVITE") is None


def test_same_request_over_another_path_is_merged() -> None:
    bench = Bench(Kind.INVITE_SERVER)
    assert bench.layer.is_merged(request("INVITE", "z9hG4bKother"))
    assert not bench.layer.is_merged(request("OPTIONS", "z9hG4bKother"))
    bench.give(Input.UNREACHABLE)
    assert not bench.layer.is_merged(request("INVITE", "z9hG4bKother"))


def test_transaction_without_connection_stays_on_the_one_that_answered() -> None:
    opening = Flow(TCP.transport, TCP.local, TCP.remote)
    bench = Bench(Kind.CLIENT, opening)
    bench.layer.receive_response(bench.transaction, bench.response(180), TCP, bench.turn())
    assert bench.transaction.flow == TCP
