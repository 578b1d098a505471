"""A peer whose audio rests is asked within the dialog whether it is still there; the ladder is the expectation."""

from dataclasses import replace

import pytest
from tests.scenarios.network import ANSWER, Network
from tests.scenarios.test_sip_ladders import Scene

from acdcore.sip.events import EndCause, HoldLimitReached, SessionEnded, SipFlow, Transport, Watch
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.parser import parse

WATCH = Watch(every_s=30.0, limit_s=300.0)


def watched(scene: Scene, watch: Watch | None = WATCH) -> None:
    """Alice watches her call to bob."""
    alices, _ = scene.talk()
    scene.network.carry_out(scene.alice, scene.alice.endpoint.watch(alices, watch, scene.network.now))


def asked(scene: Scene) -> int:
    return scene.network.arrows().count("alice > bob: OPTIONS")


def asked_in_vain(scene: Scene) -> int:
    """How often bob was asked after the network was cut from him."""
    return scene.network.arrows().count("alice > ?: OPTIONS")


def test_peer_that_answers_is_asked_again_and_again_up_to_the_limit() -> None:
    scene = Scene()
    watched(scene)
    scene.wait(299)
    assert asked(scene) == 9
    assert scene.alice.events[-1] != HoldLimitReached(scene.alice.session())
    scene.wait(2)
    assert scene.alice.events[-1] == HoldLimitReached(scene.alice.session())
    scene.hang_up(scene.alice, scene.alice.session())
    scene.network.run_out()


def test_question_is_within_the_dialog() -> None:
    scene = Scene()
    watched(scene)
    scene.wait(31)
    (question,) = [
        m for one in scene.network.seen if isinstance(m := parse(one.data), Request) and m.method == "OPTIONS"
    ]
    assert question.to.tag is not None
    assert question.cseq.number == 2
    scene.hang_up(scene.alice, scene.alice.session())
    scene.network.run_out()


def test_peer_that_is_silent_is_gone() -> None:
    scene = Scene()
    watched(scene)
    scene.network.cut(scene.bob)
    scene.wait(30 + 31)
    assert "SessionEnded" not in scene.alice.heard()
    scene.wait(2)
    assert scene.alice.events[-1] == SessionEnded(scene.alice.session(), EndCause.GONE)


@pytest.mark.parametrize(
    ("status", "is_gone"), [(481, True), (408, True), (405, False), (501, False), (486, False), (404, False)]
)
def test_only_an_answer_that_denies_the_dialog_ends_it(status: int, is_gone: bool) -> None:
    scene = Scene()
    watched(scene)
    scene.network.cut(scene.bob)
    scene.wait(30)
    question = parse(scene.network.seen[-1].data)
    assert isinstance(question, Request)
    flow = SipFlow(Transport.UDP, scene.alice.address, scene.bob.address)
    reply = question.response(status).serialise()
    scene.network.carry_out(scene.alice, scene.alice.endpoint.receive(reply, flow, scene.network.now))
    assert ("SessionEnded" in scene.alice.heard()) is is_gone


def test_same_watch_again_does_not_begin_anew() -> None:
    scene = Scene()
    watched(scene)
    for _ in range(3):
        scene.wait(20)
        scene.network.carry_out(
            scene.alice, scene.alice.endpoint.watch(scene.alice.session(), WATCH, scene.network.now)
        )
    assert asked(scene) == 1
    scene.hang_up(scene.alice, scene.alice.session())
    scene.network.run_out()


def test_peer_that_is_watched_no_more_may_leave_the_question_open() -> None:
    scene = Scene()
    watched(scene)
    scene.network.cut(scene.bob)
    scene.wait(31)
    scene.network.carry_out(scene.alice, scene.alice.endpoint.watch(scene.alice.session(), None, scene.network.now))
    scene.wait(100)
    assert "SessionEnded" not in scene.alice.heard()


def test_no_question_crosses_a_re_invite() -> None:
    scene = Scene()
    alices, bobs = scene.talk()
    scene.network.carry_out(scene.alice, scene.alice.endpoint.watch(alices, WATCH, scene.network.now))
    scene.wait(29.9)
    scene.modify(scene.alice, alices)
    scene.wait(1)
    assert asked(scene) == 0
    scene.network.carry_out(scene.bob, scene.bob.endpoint.accept_modify(bobs, ANSWER, scene.network.now))
    scene.wait(30)
    assert asked(scene) == 1
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()


def test_question_under_way_leaves_nothing_when_the_call_ends() -> None:
    scene = Scene(Network())
    watched(scene)
    scene.network.lose("OPTIONS")
    scene.wait(30.1)
    scene.hang_up(scene.bob, scene.bob.session())
    scene.network.run_out()
    assert scene.alice.events[-1] == SessionEnded(scene.alice.session(), EndCause.BYE)


IMPATIENT = Watch(every_s=30.0, first_s=0.0, answer_within_s=20.0)
"""For a peer of whom nothing has been heard for a while."""


def test_peer_that_is_suspected_is_asked_at_once_and_gone_when_it_does_not_answer_in_time() -> None:
    scene = Scene()
    watched(scene, IMPATIENT)
    scene.network.cut(scene.bob)
    scene.wait(19)
    assert asked_in_vain(scene) > 1
    assert "SessionEnded" not in scene.alice.heard()
    scene.wait(2)
    assert scene.alice.events[-1] == SessionEnded(scene.alice.session(), EndCause.GONE)
    scene.network.run_out()


def test_peer_that_is_suspected_and_answers_is_asked_again_without_a_limit() -> None:
    scene = Scene()
    watched(scene, IMPATIENT)
    scene.wait(100_000)
    assert 3_300 < asked(scene) <= 100_000 // 30 + 1
    assert "HoldLimitReached" not in scene.alice.heard()
    scene.hang_up(scene.alice, scene.alice.session())
    scene.network.run_out()


def test_request_of_the_peer_answers_the_question() -> None:
    scene = Scene()
    watched(scene, IMPATIENT)
    scene.network.lose(*["OPTIONS"] * 20)
    scene.wait(10)
    scene.modify(scene.bob, scene.bob.session())
    scene.wait(15)
    assert "SessionEnded" not in scene.alice.heard()
    scene.network.carry_out(
        scene.alice, scene.alice.endpoint.accept_modify(scene.alice.session(), ANSWER, scene.network.now)
    )
    scene.hang_up(scene.alice, scene.alice.session())
    scene.network.run_out()


def test_peer_whose_connection_is_refused_is_gone_in_time() -> None:
    scene = Scene(Network(transport=Transport.TCP))
    watched(scene)
    scene.network.cut(scene.bob)
    up = scene.network.flow(scene.alice, scene.bob)
    for _ in range(30 + 33):
        for flow in (up, replace(up, connection=0)):  # the one that was up, and each that is tried
            scene.network.carry_out(scene.alice, scene.alice.endpoint.flow_closed(flow, scene.network.now))
        scene.wait(1)
    assert asked_in_vain(scene) > 1
    assert SessionEnded(scene.alice.session(), EndCause.GONE) in scene.alice.events
