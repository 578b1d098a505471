"""Digest: published vectors, both sides against each other, and everything a stranger may try."""

import hashlib
import re

import pytest
from tests.sip.accounts import REALM, OneAccount
from tests.sip.digest_answer import authorised

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth import digest
from acdcore.sip.auth.digest import Accounts, Challenge, Denied, DigestServer, DigestVerdict, RequestToVerify, Verified
from acdcore.sip.auth.digest_client import DigestClient, parse_challenges
from acdcore.sip.auth.digest_values import ALGORITHMS, Algorithm, digest_ha1, hashed

URI = "sip:acd.example.com"
TTL_S = 300.0


class FixedIds(IdSource):
    """Gives the client nonce of a published example."""

    def __init__(self, token: str) -> None:
        super().__init__(1)
        self._token = token

    def token(self, size: int = 8) -> str:
        return self._token


def server(seed: int = 1, secret: bytes = b"k") -> DigestServer:
    return DigestServer(REALM, secret, IdSource(seed), TTL_S)


def challenges_of(acd: DigestServer, now: float = 0.0) -> tuple[str, ...]:
    """Both algorithms."""
    return acd.challenge(now, algorithms=ALGORITHMS)


def judged(
    which: DigestServer,
    *authorization: str,
    now: float = 1.0,
    method: str = "REGISTER",
    uri: str = URI,
    accounts: Accounts = OneAccount(),  # noqa: B008 - it never changes
) -> DigestVerdict:
    return which.verify(authorization, RequestToVerify(method, uri), accounts, now)


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
    value = authorised(client, [challenge], "GET", "/dir/index.html", ids)
    assert f'response="{response}"' in value
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in value
    assert "qop=auth, nc=00000001, " in value


# RFC 2617 section 3.5 without qop, as RFC 2069 had it (with its erratum's response).
def test_server_without_qop_is_answered_in_the_old_form() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    value = authorised(DigestClient("Mufasa", "CircleOfLife"), [challenge], "GET", "/dir/index.html", IdSource(1))
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value
    assert "qop" not in value
    assert "cnonce" not in value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_client_with_the_right_password_is_verified(algorithm: Algorithm) -> None:
    acd = server()
    value = authorised(
        DigestClient("1001", "pass"), acd.challenge(0.0, algorithms=(algorithm,)), "REGISTER", URI, IdSource(2)
    )
    assert f"algorithm={algorithm}" in value
    assert judged(acd, value) == Verified("1001")


def test_md5_alone_is_offered_unless_asked_otherwise() -> None:
    (challenge,) = server().challenge(0.0)
    assert "algorithm=MD5," in challenge


def test_challenges_are_offered_in_the_order_given_and_the_client_takes_the_stronger() -> None:
    acd = server()
    challenges = challenges_of(acd)
    assert [parsed.hashing.algorithm for parsed in parse_challenges(challenges)] == ["SHA-256", "MD5"]
    for offered in (challenges, challenges[::-1]):
        assert "algorithm=SHA-256" in authorised(DigestClient("1001", "pass"), offered, "REGISTER", URI, IdSource(2))


def test_wrong_password_and_unknown_user_are_denied_alike() -> None:
    acd = server()
    wrong = authorised(DigestClient("1001", "nope"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    unknown = authorised(DigestClient("9999", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    first, second = judged(acd, wrong), judged(acd, unknown)
    assert isinstance(first, Denied) and isinstance(second, Denied)
    assert (first.reason, first.user, second.user) == (second.reason, "1001", "9999")
    assert isinstance(judged(acd, wrong), Denied)


def test_unknown_user_is_denied_even_when_the_decoy_is_guessed() -> None:
    acd = DigestServer(REALM, b"k", FixedIds("0123456789abcdef"), TTL_S)
    decoy = hashlib.md5(b"0123456789abcdef").hexdigest()
    value = authorised(DigestClient("9999", "x"), acd.challenge(0.0), "REGISTER", URI, FixedIds("c"))
    fields = dict(re.findall(r'(\w+)="?([^",]+)', value))
    request = hashlib.md5(f"REGISTER:{URI}".encode()).hexdigest()
    forged = hashlib.md5(f"{decoy}:{fields['nonce']}:00000001:c:auth:{request}".encode()).hexdigest()
    assert isinstance(judged(acd, value.replace(fields["response"], forged)), Denied)


def test_request_without_our_credentials_is_challenged() -> None:
    acd = server()
    other_realm = DigestServer("elsewhere", b"k", IdSource(1)).challenge(0.0)
    foreign = authorised(DigestClient("1001", "pass"), other_realm, "REGISTER", URI, IdSource(2))
    for lines in ([], ["Basic abc"], ["Digest"], ['Digest realm="x'], [foreign]):
        assert judged(acd, *lines) == Challenge(stale=False)
        assert not acd.is_addressed(lines)


def test_credentials_for_another_realm_are_passed_over() -> None:
    acd = server()
    foreign = authorised(
        DigestClient("x", "y"), DigestServer("b", b"k", IdSource(3)).challenge(0.0), "INVITE", URI, IdSource(2)
    )
    ours = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "INVITE", URI, IdSource(2))
    assert acd.is_addressed([foreign, ours])
    assert judged(acd, foreign, ours, method="INVITE") == Verified("1001")


def test_nonce_that_we_did_not_issue_is_challenged_anew() -> None:
    stranger = server(secret=b"other")
    value = authorised(DigestClient("1001", "pass"), stranger.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(server(), value) == Challenge(stale=False, user="1001")


def test_old_nonce_with_the_right_password_is_stale() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value, now=TTL_S + 0.01) == Challenge(stale=True, user="1001")
    assert "stale=true" in acd.challenge(1.0, stale=True)[0]
    assert judged(acd, value, now=TTL_S) == Verified("1001")


def test_old_nonce_with_a_wrong_password_is_denied() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "nope"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert isinstance(judged(acd, value, now=TTL_S + 1), Denied)


def test_nonce_from_before_the_clock_began_anew_is_stale() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(1000.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value, now=5.0) == Challenge(stale=True, user="1001")


def test_replayed_credentials_are_stale_and_a_higher_count_is_not() -> None:
    acd, client, ids = server(), DigestClient("1001", "pass"), IdSource(2)
    challenges = acd.challenge(0.0)
    first, second, third = (authorised(client, challenges, "REGISTER", URI, ids) for _ in range(3))
    assert judged(acd, second) == Verified("1001")
    assert judged(acd, second) == Challenge(stale=True, user="1001")
    assert judged(acd, first) == Challenge(stale=True, user="1001")
    assert judged(acd, third) == Verified("1001")


def test_replay_is_refused_even_when_the_counter_was_forgotten() -> None:
    acd, ids = server(), IdSource(2)
    client = DigestClient("1001", "pass")
    used = authorised(client, acd.challenge(0.0), "REGISTER", URI, ids)
    assert judged(acd, used) == Verified("1001")
    for _ in range(digest.COUNTED_NONCES_MAX):
        fresh = authorised(client, acd.challenge(0.5), "REGISTER", URI, ids)
        assert judged(acd, fresh) == Verified("1001")
    assert judged(acd, used) == Challenge(stale=True, user="1001")


def test_credentials_count_for_their_method_and_uri_only() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", "sip:ACD.example.com", IdSource(2))
    assert isinstance(judged(acd, value, method="INVITE"), Denied)
    assert isinstance(judged(acd, value, uri="sip:4001@acd.example.com"), Denied)
    assert judged(acd, value, uri="sip:acd.example.com") == Verified("1001")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("qop=auth, ", ""),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=000000001"),
        ("nc=00000001", 'nc=""'),
        ("nc=00000001", "nc=0000000g"),
        ("cnonce=", "x="),
        ('username="1001"', 'username=""'),
        ("response=", "x="),
        ('uri="sip:', 'uri="tel:'),
    ],
)
def test_incomplete_credentials_are_denied(old: str, new: str) -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert old in value
    assert isinstance(judged(acd, value.replace(old, new)), Denied)


def test_algorithm_that_was_not_offered_is_challenged() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    assert judged(acd, value, accounts=OneAccount(("SHA-256",))) == Challenge(stale=True, user="1001")


def test_challenges_that_the_client_does_not_know_are_passed_over() -> None:
    unknown = [
        'Digest realm="a", nonce="b", algorithm=SHA-512-256',
        'Digest realm="a", nonce="b", qop="auth-conf"',
        'Digest realm="a", nonce=""',
        'Digest nonce="b"',
        "NTLM",
        "Digest x",
    ]
    assert parse_challenges(unknown) == []


def test_names_that_need_quoting_survive() -> None:
    acd = DigestServer('a "b", c', b"k", IdSource(1))
    value = authorised(DigestClient('x\\"y', "p"), acd.challenge(0.0), "INVITE", URI, IdSource(2))
    accounts = OneAccount(user='x\\"y', password="p", realm='a "b", c')
    assert judged(acd, value, method="INVITE", accounts=accounts) == Verified('x\\"y')


# --- what stock clients write in their own way ---


def answered(acd: DigestServer, **changed: str) -> str:
    """Right credentials, calculated by hand after some fields were written otherwise; "-" leaves one out."""
    nonce = parse_challenges(acd.challenge(0.0))[0].nonce
    fields = {"username": "1001", "realm": REALM, "nonce": nonce, "uri": URI, "algorithm": "MD5"}
    fields |= {"qop": "auth", "nc": "00000001", "cnonce": "0a4f113b"} | changed
    fields = {name: text for name, text in fields.items() if text != "-"}
    plain = {name: text.strip('"') for name, text in fields.items()}
    secret = digest_ha1("1001", REALM, "pass", "MD5")
    if plain.get("algorithm", "").lower().endswith("-sess"):
        secret = hashed("MD5", f"{secret}:{nonce}:{plain['cnonce']}")
    request = hashed("MD5", f"REGISTER:{plain['uri']}")
    middle = f"{plain['nc']}:{plain['cnonce']}:{plain['qop']}:" if "qop" in plain else ""
    fields["response"] = hashed("MD5", f"{secret}:{nonce}:{middle}{request}")
    return "Digest " + ",".join(f'{name}="{text.strip(chr(34))}"' for name, text in fields.items())


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"algorithm": "md5"},
        {"algorithm": "-"},
        {"algorithm": "MD5-sess"},
        {"nc": "1"},
        {"nc": "0000000A"},
        {"qop": "AUTH"},
        {"uri": f"{URI}:5060"},
        {"uri": f"{URI};transport=udp"},
        {"uri": URI.upper().replace("SIP:", "sip:")},
        {"uri": URI.replace("sip:", "sips:")},
        {"qop": "-", "nc": "-", "cnonce": "-"},
        {"qop": "-"},
    ],
    ids=str,
)
def test_right_credentials_are_verified_however_they_are_spelled(changed: dict[str, str]) -> None:
    acd = server()
    assert judged(acd, answered(acd, **changed)) == Verified("1001")


def test_response_in_upper_case_and_realm_in_another_case_are_verified() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    response = re.findall(r'response="(\w+)"', value)[0]
    assert judged(acd, value.replace(response, response.upper()).replace(REALM, REALM.upper(), 1)) == Verified("1001")


def test_response_without_qop_counts_once_for_its_nonce_and_can_never_be_sent_again() -> None:
    acd = server()
    value = answered(acd, qop="-", nc="-", cnonce="-")
    assert judged(acd, value) == Verified("1001")
    assert judged(acd, value, now=2.0) == Challenge(stale=True, user="1001")


def test_nonce_that_was_used_with_a_counter_does_not_count_without_one() -> None:
    acd, client = server(), DigestClient("1001", "pass")
    challenge = acd.challenge(0.0)
    counted = authorised(client, challenge, "REGISTER", URI, IdSource(2))
    old_form = [value.replace(', qop="auth"', "") for value in challenge]
    uncounted = authorised(DigestClient("1001", "pass"), old_form, "REGISTER", URI, IdSource(2))
    again = authorised(client, challenge, "REGISTER", URI, IdSource(2))
    assert judged(acd, counted) == Verified("1001")
    assert judged(acd, uncounted) == Challenge(stale=True, user="1001")
    assert judged(acd, again) == Verified("1001")


def test_of_several_credentials_the_right_ones_count_and_unusable_ones_are_bounded() -> None:
    acd = server()
    right, foreign = credentials(acd, "pass"), credentials(server(secret=b"another"), "pass")
    assert judged(acd, foreign, right) == Verified("1001")
    assert judged(acd, f"{foreign}, {credentials(acd, 'pass')}") == Verified("1001")
    unusable = [foreign] * digest.CREDENTIALS_TRIED_MAX
    assert judged(acd, *unusable, credentials(acd, "pass")) == Challenge(stale=False, user="1001")


def test_wrong_password_is_told_as_one_whatever_other_credentials_come_with_it() -> None:
    acd = server()
    wrong, foreign = credentials(acd, "nope"), credentials(server(secret=b"another"), "pass")
    denied = Denied("unknown user or wrong password", "1001")
    for values in ((wrong, foreign), (foreign, wrong), (f"{foreign}, {wrong}",)):
        assert judged(acd, *values) == denied


def test_one_request_is_one_guess() -> None:
    acd = server()
    assert isinstance(judged(acd, credentials(acd, "nope"), credentials(acd, "pass")), Denied)


def credentials(acd: DigestServer, password: str) -> str:
    """What a phone with this password answers to a challenge of `acd`."""
    return authorised(DigestClient("1001", password), acd.challenge(0.0), "REGISTER", URI, IdSource(2))


def test_bytes_that_are_no_utf_8_are_judged_and_raise_nothing() -> None:
    acd = server()
    value = authorised(DigestClient("1001", "pass"), acd.challenge(0.0), "REGISTER", URI, IdSource(2))
    for field in ("username", "cnonce", "response"):
        assert isinstance(judged(acd, re.sub(f'{field}="[^"]*"', f'{field}="\udcff"', value)), Denied)
    assert judged(acd, re.sub('nonce="[^"]*"', 'nonce="\udcff"', value)) == Challenge(stale=False, user="1001")
