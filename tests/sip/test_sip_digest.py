"""Digest: published vectors, both sides against each other, and everything a stranger may try."""

import hashlib
import re

import pytest

from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import IdSource
from acdcore.sip import digest
from acdcore.sip.digest import (
    ALGORITHMS,
    Algorithm,
    Challenge,
    Denied,
    DigestClient,
    DigestServer,
    Verdict,
    Verified,
    ha1,
    parse_challenge,
)

REALM = "acd.example.com"
URI = "sip:acd.example.com"
TTL_S = 300.0


class FixedIds(IdSource):
    """Gives the client nonce of a published example."""

    def __init__(self, token: str) -> None:
        super().__init__(1)
        self._token = token

    def token(self, size: int = 8) -> str:
        return self._token


def find_ha1(user: str, algorithm: str) -> str | None:
    return ha1("1001", REALM, "pass", algorithm) if user == "1001" else None


def server(algorithms: tuple[Algorithm, ...] = ALGORITHMS, seed: int = 1, secret: bytes = b"k") -> DigestServer:
    return DigestServer(REALM, secret, IdSource(seed), TTL_S, algorithms)


def judged(
    which: DigestServer, authorization: str, now: float = 1.0, method: str = "REGISTER", uri: str = URI
) -> Verdict:
    return which.verify([authorization], method, uri, find_ha1, now)


# RFC 7616 section 3.9.1.
@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_published_example_gives_the_published_response(algorithm: str, response: str) -> None:
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    client = DigestClient("Mufasa", "Circle of Life")
    ids = FixedIds("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    value = client.authorise([challenge], "GET", "/dir/index.html", ids)
    assert f'response="{response}"' in value
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in value
    assert "qop=auth, nc=00000001, " in value


# RFC 2617 section 3.5 without qop, as RFC 2069 had it (with its erratum's response).
def test_server_without_qop_is_answered_in_the_old_form() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    value = DigestClient("Mufasa", "CircleOfLife").authorise([challenge], "GET", "/dir/index.html", IdSource(1))
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value
    assert "qop" not in value
    assert "cnonce" not in value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_client_with_the_right_password_is_verified(algorithm: Algorithm) -> None:
    acd = server((algorithm,))
    value = DigestClient("1001", "pass").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value) == Verified("1001")


def test_challenges_offer_the_stronger_algorithm_first_and_the_client_takes_it() -> None:
    acd = server()
    challenges = acd.challenge(0.0)
    assert [parsed.algorithm for value in challenges if (parsed := parse_challenge(value))] == ["SHA-256", "MD5"]
    for offered in (challenges, challenges[::-1]):
        assert "algorithm=SHA-256" in DigestClient("1001", "pass").authorise(offered, "REGISTER", URI, IdSource(2))


def test_wrong_password_and_unknown_user_are_denied_alike() -> None:
    acd = server()
    wrong = DigestClient("1001", "nope").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    unknown = DigestClient("9999", "pass").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    first, second = judged(acd, wrong), judged(acd, unknown)
    assert isinstance(first, Denied) and isinstance(second, Denied)
    assert (first.reason, first.user, second.user) == (second.reason, "1001", "9999")
    assert isinstance(judged(acd, wrong), Denied)


def test_unknown_user_is_denied_even_when_the_decoy_is_guessed() -> None:
    acd = DigestServer(REALM, b"k", FixedIds("0123456789abcdef"), TTL_S, ("MD5",))
    decoy = hashlib.md5(b"0123456789abcdef").hexdigest()
    value = DigestClient("9999", "x").authorise(acd.challenge(0.0), "REGISTER", URI, FixedIds("c"))
    fields = dict(re.findall(r'(\w+)="?([^",]+)', value))
    request = hashlib.md5(f"REGISTER:{URI}".encode()).hexdigest()
    forged = hashlib.md5(f"{decoy}:{fields['nonce']}:00000001:c:auth:{request}".encode()).hexdigest()
    assert isinstance(judged(acd, value.replace(fields["response"], forged)), Denied)


def test_request_without_our_credentials_is_challenged() -> None:
    acd = server()
    other_realm = DigestServer("elsewhere", b"k", IdSource(1)).challenge(0.0)
    foreign = DigestClient("1001", "pass").authorise(other_realm, "REGISTER", URI, IdSource(2))
    for lines in ([], ["Basic abc"], ["Digest"], ['Digest realm="x'], [foreign]):
        assert acd.verify(lines, "REGISTER", URI, find_ha1, 1.0) == Challenge(stale=False)


def test_credentials_for_another_realm_are_passed_over() -> None:
    acd = server()
    foreign = DigestClient("x", "y").authorise(
        DigestServer("b", b"k", IdSource(3)).challenge(0.0), "INVITE", URI, IdSource(2)
    )
    ours = DigestClient("1001", "pass").authorise(acd.challenge(0.0), "INVITE", URI, IdSource(2))
    assert acd.verify([foreign, ours], "INVITE", URI, find_ha1, 1.0) == Verified("1001")


def test_nonce_that_we_did_not_issue_is_challenged_anew() -> None:
    stranger = server(secret=b"other")
    value = DigestClient("1001", "pass").authorise(stranger.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(server(), value) == Challenge(stale=False)


def test_old_nonce_with_the_right_password_is_stale() -> None:
    acd = server()
    value = DigestClient("1001", "pass").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value, now=TTL_S + 0.01) == Challenge(stale=True)
    assert "stale=true" in acd.challenge(1.0, stale=True)[0]
    assert judged(acd, value, now=TTL_S) == Verified("1001")


def test_old_nonce_with_a_wrong_password_is_denied() -> None:
    acd = server()
    value = DigestClient("1001", "nope").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert isinstance(judged(acd, value, now=TTL_S + 1), Denied)


def test_nonce_from_before_the_clock_began_anew_is_stale() -> None:
    acd = server()
    value = DigestClient("1001", "pass").authorise(acd.challenge(1000.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value, now=5.0) == Challenge(stale=True)


def test_replayed_credentials_are_stale_and_a_higher_count_is_not() -> None:
    acd, client, ids = server(), DigestClient("1001", "pass"), IdSource(2)
    challenges = acd.challenge(0.0)
    first, second, third = (client.authorise(challenges, "REGISTER", URI, ids) for _ in range(3))
    assert judged(acd, second) == Verified("1001")
    assert judged(acd, second) == Challenge(stale=True)
    assert judged(acd, first) == Challenge(stale=True)
    assert judged(acd, third) == Verified("1001")


def test_replay_is_refused_even_when_the_counter_was_forgotten() -> None:
    acd, ids = server(("MD5",)), IdSource(2)
    client = DigestClient("1001", "pass")
    used = client.authorise(acd.challenge(0.0), "REGISTER", URI, ids)
    assert judged(acd, used) == Verified("1001")
    for _ in range(digest.COUNTED_NONCES_MAX):
        fresh = client.authorise(acd.challenge(0.5), "REGISTER", URI, ids)
        assert judged(acd, fresh) == Verified("1001")
    assert judged(acd, used) == Challenge(stale=True)


def test_credentials_count_for_their_method_and_uri_only() -> None:
    acd = server()
    value = DigestClient("1001", "pass").authorise(acd.challenge(0.0), "REGISTER", "sip:ACD.example.com", IdSource(2))
    assert isinstance(judged(acd, value, method="INVITE"), Denied)
    assert isinstance(judged(acd, value, uri="sip:4001@acd.example.com"), Denied)
    assert judged(acd, value, uri="sip:acd.example.com") == Verified("1001")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("qop=auth, ", ""),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("cnonce=", "x="),
        ('username="1001"', 'username=""'),
        ("response=", "x="),
        ('uri="sip:', 'uri="tel:'),
    ],
)
def test_incomplete_credentials_are_denied(old: str, new: str) -> None:
    acd = server()
    value = DigestClient("1001", "pass").authorise(acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert old in value
    assert isinstance(judged(acd, value.replace(old, new)), Denied)


def test_algorithm_that_was_not_offered_is_challenged() -> None:
    acd = server(("SHA-256",))
    nonce = parse_challenge(acd.challenge(0.0)[0])
    assert nonce is not None
    weak = f'Digest realm="{REALM}", nonce="{nonce.nonce}", algorithm=MD5, qop="auth"'
    value = DigestClient("1001", "pass").authorise([weak], "REGISTER", URI, IdSource(2))
    assert judged(acd, value) == Challenge(stale=False)


def test_client_refuses_when_no_challenge_is_known() -> None:
    unknown = [
        'Digest realm="a", nonce="b", algorithm=SHA-512-256',
        'Digest realm="a", nonce="b", qop="auth-int"',
        "NTLM",
        "Digest x",
    ]
    with pytest.raises(Refused):
        DigestClient("1001", "pass").authorise(unknown, "REGISTER", URI, IdSource(2))


def test_names_that_need_quoting_survive() -> None:
    acd = DigestServer('a "b", c', b"k", IdSource(1))
    value = DigestClient('x\\"y', "p").authorise(acd.challenge(0.0), "INVITE", URI, IdSource(2))
    found = acd.verify([value], "INVITE", URI, lambda user, name: ha1(user, 'a "b", c', "p", name), 1.0)
    assert found == Verified('x\\"y')


def test_client_keeps_a_bounded_number_of_counters() -> None:
    client, ids = DigestClient("1001", "pass"), IdSource(2)
    first = 'Digest realm="a", nonce="first", qop="auth"'
    assert "nc=00000001" in client.authorise([first], "INVITE", URI, ids)
    assert "nc=00000002" in client.authorise([first], "INVITE", URI, ids)
    for serial in range(digest.CLIENT_NONCES_MAX):
        client.authorise([f'Digest realm="a", nonce="{serial}", qop="auth"'], "INVITE", URI, ids)
    assert "nc=00000001" in client.authorise([first], "INVITE", URI, ids)


def test_secret_of_an_unknown_algorithm_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="SHA-1"):
        ha1("a", "b", "c", "SHA-1")
