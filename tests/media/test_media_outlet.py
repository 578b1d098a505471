"""One clean stream towards a phone, whatever feeds it."""

from acdcore.media.outlet import Outlet
from acdcore.media.rtp import RtpPacket


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
    key = [RtpPacket(101, 501 + n, 90160, 77, b"") for n in range(60)]
    stamps = {relayed(outlet, packet, 0.02 + 0.05 * n, samples=0).timestamp for n, packet in enumerate(key)}
    assert stamps == {1160}


def test_omitted_packet_leaves_no_gap() -> None:
    outlet = Outlet(1, 100, 1000)
    relayed(outlet, from_agent(0), 0.0)
    outlet.omit(from_agent(1))
    assert relayed(outlet, from_agent(2), 0.04).sequence == 101
