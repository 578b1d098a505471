"""RTCP with phones on real sockets."""

import pytest
from tests.media.conftest import Handsets, Lines, await_true, clip, collect

from acdcore.media import rtcp
from acdcore.media.engine import Engine

pytestmark = pytest.mark.wire


def test_reports_say_what_was_sent_and_what_was_lost(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    phone.sequence += 1
    phone.talk(opened.port)
    engine.play(opened.stream, [clip(engine, 440, 0.04)], 1)
    sent = phone.listen(2)
    collect(engine)
    while True:
        report = phone.hear_report()
        if report.sender is not None and report.sender.packets == 2:
            break
    assert report.ssrc == sent[0].ssrc
    assert report.sender.octets == 320
    assert report.block is not None
    assert (report.block.ssrc, report.block.lost, report.block.highest & 0xFFFF) == (phone.ssrc, 1, 65532)


def test_peers_report_gives_round_trip_and_loss(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [clip(engine, 440)], 1)
    ssrc = phone.hear().ssrc
    report = phone.hear_report()
    assert report.sender is not None
    block = rtcp.ReportBlock(ssrc, 0, 3, 1, 80, report.sender.ntp >> 16 & 0xFFFFFFFF, 0)
    phone.control.sendto(rtcp.build(rtcp.Report(phone.ssrc, None, block)), ("127.0.0.1", opened.port + 1))
    await_true(lambda: engine.figures(opened.stream).rtt_ms is not None)
    figures = engine.figures(opened.stream)
    assert (figures.peer_lost, figures.peer_jitter_ms) == (3, 10.0)
    assert figures.rtt_ms is not None
    assert 0 <= figures.rtt_ms < 50


def test_goodbye_is_said_on_closing(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.close(opened.stream)
    while not phone.hear_report().is_bye:
        pass


def test_report_of_a_stranger_at_the_peers_ip_changes_nothing(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).packets_in == 1)
    stranger = handset()
    sender = rtcp.SenderInfo(1 << 40, 0, 1, 160)
    block = rtcp.ReportBlock(0xBAD, 0, 300, 1, 8000, 1, 0)
    port = opened.port + 1
    stranger.control.sendto(rtcp.build(rtcp.Report(0xBAD, sender, block, is_bye=True)), ("127.0.0.1", port))
    await_true(lambda: engine.figures(opened.stream).strangers == 1)
    phone.hear_report()
    last = phone.hear_report().block
    assert last is not None
    assert last.last_report == 0
    figures = engine.figures(opened.stream)
    assert (figures.peer_lost, figures.peer_jitter_ms, figures.rtt_ms) == (0, 0.0, None)
    phone.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).packets_in == 2)


def test_reports_go_to_where_the_peers_reports_come_from(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).packets_in == 1)
    mapped = handset()
    mapped.control.sendto(rtcp.build(rtcp.Report(phone.ssrc)), ("127.0.0.1", opened.port + 1))
    assert mapped.hear_report().block is not None
