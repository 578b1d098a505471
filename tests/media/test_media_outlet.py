"""One clean stream towards a phone, whatever feeds it."""

import pytest

from acdcore.media.outlet import Outlet
from acdcore.media.rtp import RtpPacket

KEYS_SSRC = 99


def key(number: int, timestamp: int, ssrc: int = 77, *, marker: bool = False) -> RtpPacket:
    return RtpPacket(101, (500 + number) & 0xFFFF, timestamp, ssrc, b"", marker=marker)


def key_relayed(outlet: Outlet, packet: RtpPacket, now: float) -> RtpPacket:
    header = outlet.relay_key(packet, now, is_beside=packet.ssrc == KEYS_SSRC)
    assert header is not None
    return header


def from_agent(number: int, ssrc: int = 77) -> RtpPacket:
    return RtpPacket(0, (500 + number) & 0xFFFF, 90000 + 160 * number, ssrc, b"")


def relayed(outlet: Outlet, packet: RtpPacket, now: float, samples: int = 160) -> RtpPacket:
    header = outlet.relay(packet, now, samples)
    assert header is not None
    return header


def test_generated_packets_are_numbered_and_timed_without_gaps() -> None:
    outlet = Outlet(1, 65535, 0xFFFFFFA0)
    headers = [outlet.generate(160, 0.02 * n, is_first=n == 0) for n in range(3)]
    assert [header.sequence for header in headers] == [65535, 0, 1]
    assert [header.timestamp for header in headers] == [0xFFFFFFA0, 0x40, 0xE0]
    assert [header.marker for header in headers] == [True, False, False]


def test_bridge_after_prompt_goes_on_in_the_same_stream() -> None:
    outlet = Outlet(1, 100, 1000)
    prompt = outlet.generate(160, 0.0, is_first=True)
    agent = [relayed(outlet, from_agent(n), 0.02 + 0.02 * n) for n in range(3)]
    assert {header.ssrc for header in (prompt, *agent)} == {1}
    assert [header.sequence for header in agent] == [101, 102, 103]
    assert [header.timestamp for header in agent] == [1160, 1320, 1480]
    assert [header.marker for header in agent] == [True, False, False]


def test_timestamp_after_a_pause_follows_the_clock() -> None:
    outlet = Outlet(1, 100, 1000)
    outlet.generate(160, 0.0, is_first=True)
    assert outlet.generate(160, 1.0, is_first=True).timestamp == 1000 + 8000


def test_timestamp_never_goes_back_at_a_switch() -> None:
    outlet = Outlet(1, 100, 1000)
    outlet.generate(160, 0.0, is_first=True)
    assert relayed(outlet, from_agent(0), 0.001).timestamp == 1160


def test_relayed_loss_stays_a_gap_and_reordering_passes() -> None:
    outlet = Outlet(1, 100, 1000)
    sequences = [relayed(outlet, from_agent(n), 0.02 * n).sequence for n in (0, 1, 4, 3, 5)]
    assert sequences == [100, 101, 104, 103, 105]
    outlet.interrupt()
    assert outlet.generate(160, 0.2, is_first=True).sequence == 106


def test_packet_from_before_the_switch_is_not_relayed() -> None:
    outlet = Outlet(1, 100, 1000)
    outlet.generate(160, 0.0, is_first=True)
    relayed(outlet, from_agent(5), 0.02)
    assert outlet.relay(from_agent(4), 0.021) is None
    assert relayed(outlet, from_agent(6), 0.04).sequence == 102


def test_overtaken_packet_passes_after_many() -> None:
    outlet = Outlet(1, 100, 1000)
    for number in range(40000):
        if number != 39998:
            relayed(outlet, from_agent(number), 0.02 * number)
    assert relayed(outlet, from_agent(39998), 800.0).sequence == (100 + 39998) & 0xFFFF


def test_prompt_over_a_bridge_and_back_stays_continuous() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    prompt = [outlet.generate(160, 0.02 + 0.02 * n, is_first=n == 0) for n in range(50)]
    agent = relayed(outlet, from_agent(51), 1.02)
    assert agent.sequence == prompt[-1].sequence + 1
    assert agent.timestamp == 1000 + 160 * 51
    assert agent.marker


def test_new_source_goes_on_in_the_same_stream() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    other = relayed(outlet, from_agent(9000, ssrc=88), 0.02)
    assert (other.ssrc, other.sequence, other.timestamp, other.marker) == (1, 101, 1160, True)


def test_leap_of_the_sources_clock_is_taken_out() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    leapt = relayed(outlet, RtpPacket(0, 501, 5_000_000, 77, b""), 0.02)
    assert (leapt.sequence, leapt.timestamp) == (101, 1160)


def test_key_event_keeps_one_timestamp() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    stamps = {key_relayed(outlet, key(1 + n, 90160), 0.02 + 0.05 * n).timestamp for n in range(160)}
    assert stamps == {1160}


def test_audio_after_a_key_held_for_long_goes_on_without_a_marker() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    for number in range(100):
        key_relayed(outlet, key(1 + number, 90160), 0.02 + 0.05 * number)
    after = relayed(outlet, RtpPacket(0, 601, 90000 + 8000 * 5, 77, b""), 5.0)
    assert (after.sequence, after.timestamp, after.marker) == (201, 1000 + 8000 * 5, False)


def test_audio_beside_a_key_held_for_long_keeps_its_time() -> None:
    outlet = Outlet(1, 100, 1000)
    for number in range(0, 500, 2):
        sound = RtpPacket(0, 500 + number, 90000 + 80 * number, 77, b"")
        header = relayed(outlet, sound, 0.01 * number)
        assert (header.sequence, header.timestamp) == (100 + number, 1000 + 80 * number)
        assert header.marker == (number == 0)
        assert key_relayed(outlet, key(1 + number, 90000), 0.01 * number).timestamp == 1000


def test_key_with_a_clock_of_its_own_is_timed_by_ours_and_leaves_the_audios_alone() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    first = [key_relayed(outlet, key(1 + n, 7), 0.02 + 0.05 * n) for n in range(3)]
    second = key_relayed(outlet, key(4, 8), 0.5)
    after = relayed(outlet, RtpPacket(0, 505, 90000 + 4800, 77, b""), 0.6)
    assert {header.timestamp for header in first} == {1160}
    assert second.timestamp == 1000 + 4000
    assert [header.sequence for header in (*first, second, after)] == [101, 102, 103, 104, 105]
    assert (after.timestamp, after.marker) == (1000 + 4800, False)


def test_key_of_another_ssrc_is_put_between_the_audio() -> None:
    outlet = Outlet(1, 100, 1000)
    headers = []
    for number in range(4):
        headers.append(relayed(outlet, from_agent(number), 0.02 * number))
        headers.append(key_relayed(outlet, key(9000 + number, 7, KEYS_SSRC), 0.02 * number + 0.001))
    assert [header.sequence for header in headers] == list(range(100, 108))
    assert [header.timestamp for header in headers[::2]] == [1000 + 160 * n for n in range(4)]
    assert {header.timestamp for header in headers[1::2]} == {1160}
    assert [header.marker for header in headers] == [True, *[False] * 7]


def test_audio_that_keys_have_overtaken_has_the_number_that_was_left_for_it() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    relayed(outlet, from_agent(1), 0.02)
    relayed(outlet, from_agent(3), 0.06)
    for number in range(3):
        key_relayed(outlet, key(9000 + number, 7, KEYS_SSRC), 0.06)
    relayed(outlet, from_agent(4), 0.08)
    assert relayed(outlet, from_agent(2), 0.09).sequence == 102
    assert relayed(outlet, from_agent(5), 0.1).sequence == 108


def test_key_of_another_ssrc_before_any_audio_begins_no_run() -> None:
    outlet = Outlet(1, 100, 1000)
    assert key_relayed(outlet, key(9000, 7, KEYS_SSRC, marker=True), 0.0).sequence == 100
    after = relayed(outlet, from_agent(0), 0.02)
    assert (after.sequence, after.timestamp, after.marker) == (101, 1160, True)


def test_audio_that_an_omitted_packet_has_overtaken_takes_nobodys_number() -> None:
    outlet = Outlet(1, 100, 1000)
    numbers = [relayed(outlet, from_agent(n), 0.02 * n).sequence for n in (0, 1, 3)]
    outlet.omit(from_agent(4))
    outlet.omit(from_agent(5))
    numbers += [relayed(outlet, from_agent(n), 0.02 * n).sequence for n in (6, 2, 7)]
    assert numbers == [100, 101, 103, 104, 102, 105]


def test_omitted_packet_leaves_no_gap() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    outlet.omit(from_agent(1))
    assert relayed(outlet, from_agent(2), 0.04).sequence == 101


def said(outlet: Outlet, number: int, timestamp: int, now: float, marker: bool = False) -> RtpPacket:
    return relayed(outlet, RtpPacket(0, number, timestamp & 0xFFFFFFFF, 77, b"", marker), now)


@pytest.mark.parametrize("leap", [1000, 2000, 3200, 12000, -1000, -2000, -3200, -12000, -100_000])
def test_leap_of_the_timestamps_is_not_played_late(leap: int) -> None:
    outlet = Outlet(1, 100, 1000)
    before = [said(outlet, n, 160 * n, 0.02 * n) for n in range(10)]
    after = [said(outlet, n, leap + 160 * n, 0.02 * n) for n in range(10, 20)]
    assert [header.timestamp for header in before + after] == [1000 + 160 * n for n in range(20)]
    assert not any(header.marker for header in after)


@pytest.mark.parametrize("counts", [0, 80, 160 - 1])
def test_timestamps_that_do_not_count_the_samples_follow_the_numbers(counts: int) -> None:
    outlet = Outlet(1, 100, 1000)
    headers = [said(outlet, n, counts * n, 0.02 * n) for n in range(30)]
    assert [header.timestamp for header in headers] == [1000 + 160 * n for n in range(30)]


@pytest.mark.parametrize("marker", [True, False])
def test_timestamps_that_stood_still_in_silence_follow_the_clock(marker: bool) -> None:
    outlet = Outlet(1, 100, 1000)
    for n in range(10):
        said(outlet, n, 160 * n, 0.02 * n)
    headers = [said(outlet, n, 160 * n, 2.0 + 0.02 * n, marker and n == 10) for n in range(10, 20)]
    late = 0 if marker else 3
    assert headers[late].marker
    assert [header.timestamp for header in headers[late:]] == [17000 + 160 * n for n in range(10 + late, 20)]


def test_packets_that_a_network_held_back_keep_their_times() -> None:
    outlet = Outlet(1, 100, 1000)
    for n in range(10):
        said(outlet, n, 160 * n, 0.02 * n)
    held = [said(outlet, n, 160 * n, 1.2 + 0.0005 * (n - 10)) for n in range(10, 60)]
    after = [said(outlet, n, 160 * n, 0.02 * n + 0.01) for n in range(61, 80)]
    assert [header.timestamp for header in held] == [1000 + 160 * n for n in range(10, 60)]
    assert [header.timestamp for header in after] == [1000 + 160 * n for n in range(61, 80)]
    assert not any(header.marker for header in held + after)


def test_silence_that_the_timestamps_count_is_left_alone() -> None:
    outlet = Outlet(1, 100, 1000)
    for n in range(10):
        said(outlet, n, 160 * n, 0.02 * n)
    assert said(outlet, 10, 160 * 110, 2.2, True).timestamp == 1000 + 160 * 110
