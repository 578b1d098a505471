"""Where audio is aimed, row by row."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.media.audio_address import ANYWHERE, PHONES, AudioRule, Ours, aimed
from acdcore.kernel.address import Address
from acdcore.sdp.model import NotAcceptable, WarningCode

OURS = Ours(frozenset({"203.0.113.1", "127.0.0.1"}), lambda port: port in (5060, 20_000, 20_001))
CARRIER = AudioRule((ip_network("198.51.100.0/28"), *ANYWHERE), is_third_party_refused=True)
STRICT = AudioRule((ip_network("198.51.100.0/28"), ip_network("192.0.2.64/26")), is_third_party_refused=True)
BEHIND_PROXY = AudioRule((ip_network("10.1.0.0/16"),))
SIGNALLED = "198.51.100.1"


@pytest.mark.parametrize(
    ("named", "source", "rule", "to"),
    [
        ("0.0.0.0", SIGNALLED, CARRIER, "0.0.0.0"),
        ("::", SIGNALLED, PHONES, "0.0.0.0"),
        ("", SIGNALLED, CARRIER, SIGNALLED),
        ("", "10.1.2.3", PHONES, "10.1.2.3"),
        (SIGNALLED, SIGNALLED, STRICT, SIGNALLED),
        ("192.168.1.20", "192.168.1.20", PHONES, "192.168.1.20"),
        ("198.51.100.9", SIGNALLED, STRICT, "198.51.100.9"),
        ("192.0.2.70", SIGNALLED, STRICT, "192.0.2.70"),
        ("192.0.2.7", SIGNALLED, CARRIER, "192.0.2.7"),
        ("10.1.2.3", "10.9.0.1", CARRIER, "10.1.2.3"),
        ("192.168.1.20", SIGNALLED, CARRIER, SIGNALLED),
        ("192.168.1.20", SIGNALLED, STRICT, SIGNALLED),
        ("192.168.1.20", "192.0.2.7", PHONES, "192.0.2.7"),
        ("192.168.1.20", "10.1.2.3", PHONES, "10.1.2.3"),
        ("100.64.3.4", "192.0.2.7", PHONES, "192.0.2.7"),
        ("169.254.1.1", "10.1.2.3", CARRIER, "10.1.2.3"),
        ("127.0.0.2", SIGNALLED, CARRIER, SIGNALLED),
        ("192.0.2.7", "10.1.2.3", PHONES, "10.1.2.3"),
        ("10.1.2.3", "10.1.0.1", BEHIND_PROXY, "10.1.2.3"),
        ("127.0.0.1", "127.0.0.1", PHONES, "127.0.0.1"),
        ("203.0.113.1", "10.1.2.3", PHONES, "10.1.2.3"),  # asked STUN behind the NAT that is ours too
    ],
)
def test_audio_goes_where_the_table_says(named: str, source: str, rule: AudioRule, to: str) -> None:
    assert aimed(Address(named, 4000), source, rule, OURS) == Address(to, 4000)


@pytest.mark.parametrize(
    ("named", "source", "rule"),
    [
        (Address("203.0.113.1", 20_000), SIGNALLED, CARRIER),
        (Address("203.0.113.1", 4_000), SIGNALLED, CARRIER),
        (Address("203.0.113.1", 20_000), "10.1.2.3", PHONES),
        (Address("127.0.0.1", 4_000), SIGNALLED, CARRIER),
        (Address("127.0.0.1", 20_000), "127.0.0.1", PHONES),
        (Address("127.0.0.1", 20_001), "127.0.0.1", CARRIER),
        (Address("127.0.0.1", 5_060), "127.0.0.1", CARRIER),
        (Address("203.0.113.1", 20_000), "127.0.0.1", CARRIER),
        (Address("192.0.2.7", 4_000), SIGNALLED, STRICT),
    ],
)
def test_address_of_ours_or_of_a_third_party_is_refused_by_name(named: Address, source: str, rule: AudioRule) -> None:
    with pytest.raises(NotAcceptable, match=named.host) as caught:
        aimed(named, source, rule, OURS)
    assert caught.value.code is WarningCode.MISCELLANEOUS


def test_source_of_the_other_family_leaves_nowhere_to_send() -> None:
    with pytest.raises(NotAcceptable) as caught:
        aimed(Address("", 4000), "2001:db8::1", CARRIER, OURS)
    assert caught.value.code is WarningCode.ADDRESS_FORMAT


HOSTS = st.ip_addresses(v=4).map(str)


@given(named=HOSTS, source=HOSTS, port=st.integers(1, 65_535))
def test_phone_never_has_audio_sent_to_anybody_but_itself(named: str, source: str, port: int) -> None:
    try:
        to = aimed(Address(named, port), source, PHONES, OURS)
    except NotAcceptable:
        return
    assert to in (Address(source, port), Address("0.0.0.0", port))
