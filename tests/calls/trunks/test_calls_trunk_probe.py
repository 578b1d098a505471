"""A trunk is down when its peer is silent twice in a row, and up at the first sign of life."""

from dataclasses import replace
from ipaddress import ip_network

from acdcore.calls.trunks.probe import TrunkReach
from acdcore.calls.trunks.trunks import Trunk

NORTH = Trunk(
    "north", (ip_network("192.0.2.0/28"),), 10, target="sip:192.0.2.1:5060", may_dial_out=True, ask_every_s=30.0
)
SOUTH = replace(NORTH, name="south", target="sip:192.0.2.2:5060")
QUIET = replace(NORTH, name="quiet", ask_every_s=0.0)
INBOUND = replace(NORTH, name="inbound", may_dial_out=False)


def test_only_trunks_that_calls_go_out_by_are_asked_each_at_its_time() -> None:
    reach = TrunkReach()
    trunks = (NORTH, SOUTH, QUIET, INBOUND)
    assert reach.due(trunks, 0.0) == [NORTH, SOUTH]
    assert reach.due(trunks, 29.0) == []
    assert reach.due(trunks, 30.0) == [NORTH, SOUTH]


def test_trunk_is_down_after_two_silences_and_up_with_any_answer() -> None:
    reach = TrunkReach()
    reach.due((NORTH,), 0.0)
    reach.answered(NORTH, 408)
    assert reach.down() == {}
    reach.answered(NORTH, 503)
    assert reach.down() == {"north": NORTH.target}
    reach.answered(NORTH, 405)
    assert reach.down() == {}


def test_one_answer_between_silences_keeps_a_trunk_up() -> None:
    reach = TrunkReach()
    reach.due((NORTH,), 0.0)
    for status in (408, 200, 408, 404, 503):
        reach.answered(NORTH, status)
    assert reach.down() == {}


def test_trunk_that_left_the_settings_is_no_alarm_and_a_new_target_begins_anew() -> None:
    reach = TrunkReach()
    reach.due((NORTH, SOUTH), 0.0)
    for _ in range(2):
        reach.answered(NORTH, 408)
        reach.answered(SOUTH, 408)
    moved = replace(SOUTH, target="sip:192.0.2.3:5060")
    assert reach.due((moved,), 1.0) == [moved]
    assert reach.down() == {}
    reach.answered(SOUTH, 408)  # the answer to a question at the old target
    assert reach.down() == {}
