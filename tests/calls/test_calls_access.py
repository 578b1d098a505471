"""Who may call, judged by what a request proves: every refusal looks alike to somebody who guesses."""

from ipaddress import ip_network

import pytest

from acdcore.calls.access import Access, Admission, FromAgent, FromTrunk, Turned
from acdcore.calls.people import AgentRecord
from acdcore.calls.trunks import Trunk, Trunks
from acdcore.kernel.address import Address
from acdcore.kernel.ids import AgentId, IdSource
from acdcore.sip.digest import DigestClient, DigestServer
from acdcore.sip.events import Flow, Transport
from acdcore.sip.message import Headers, Request
from acdcore.sip.uri import SipUri
from acdcore.storage.directory import MemoryDirectory
from acdcore.storage.password import ha1

REALM = "acdcore"
OURS = Address("192.0.2.1", 5060)
FROM_TRUNK = Flow(Transport.UDP, OURS, Address("198.51.100.7", 5060))
FROM_ELSEWHERE = Flow(Transport.UDP, OURS, Address("203.0.113.7", 5060))
CARRIER = Trunk("carrier", (ip_network("198.51.100.0/24"),), 10, user="carrier", password="of carrier")
NONCE_TTL_S = 300.0
HOTLINE = "95500"


def access() -> Access:
    """One trunk, an active agent, one who left, and one without a password."""
    directory = MemoryDirectory()
    for agent, is_active in (("1001", True), ("1002", False)):
        hashes = ha1(AgentId(agent), REALM, f"of {agent}")
        directory.put_agent(AgentRecord(AgentId(agent), agent, hashes.md5, hashes.sha256, {}, (), is_active))
    directory.put_agent(AgentRecord(AgentId("1003"), "1003", "", "", {}, ()))
    return Access(Trunks([CARRIER], []), directory, DigestServer(REALM, b"secret", IdSource(1)), REALM)


def invite(dialled: str, *authorization: str) -> Request:
    fields = [("Authorization", value) for value in authorization]
    return Request("INVITE", SipUri.parse(f"sip:{dialled}@192.0.2.1"), Headers(fields))


def proven(asked: Access, user: str, password: str, dialled: str = HOTLINE, later_s: float = 0.0) -> Admission:
    """What becomes of a caller from elsewhere who answers the challenge, perhaps late."""
    first = asked.admit(invite(dialled), FROM_ELSEWHERE, dialled, 100.0)
    assert isinstance(first, Turned)
    challenges = [value for _, value in first.headers]
    answer = DigestClient(user, password).authorise(challenges, "INVITE", f"sip:{dialled}@192.0.2.1", IdSource(2))
    return asked.admit(invite(dialled, answer), FROM_ELSEWHERE, dialled, 100.0 + later_s)


def test_trunk_is_known_by_its_address() -> None:
    assert access().admit(invite(HOTLINE), FROM_TRUNK, HOTLINE, 0.0) == FromTrunk(CARRIER)


def test_trunk_is_known_by_its_credentials_from_anywhere() -> None:
    assert proven(access(), "carrier", "of carrier") == FromTrunk(CARRIER)


def test_agent_who_left_is_no_trunk_of_the_same_name() -> None:
    directory = MemoryDirectory()
    hashes = ha1(AgentId("carrier"), REALM, "of the agent")
    directory.put_agent(AgentRecord(AgentId("carrier"), "left", hashes.md5, hashes.sha256, {}, (), is_active=False))
    asked = Access(Trunks([CARRIER], []), directory, DigestServer(REALM, b"secret", IdSource(1)), REALM)
    assert proven(asked, "carrier", "of the agent") == Turned(403, reason="inactive agent", user="carrier")


def test_agent_is_known_by_credentials() -> None:
    admission = proven(access(), "1001", "of 1001")
    assert isinstance(admission, FromAgent)
    assert admission.agent.agent == "1001"


def test_credentials_go_before_the_address_that_they_come_from() -> None:
    asked = access()
    challenged = asked.admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(challenged, Turned)
    answer = DigestClient("1001", "of 1001").authorise(
        [value for _, value in challenged.headers], "INVITE", "sip:95500@192.0.2.1", IdSource(2)
    )
    assert isinstance(asked.admit(invite(HOTLINE, answer), FROM_TRUNK, HOTLINE, 0.0), FromAgent)


def test_wrong_credentials_are_refused_even_from_a_trunks_address() -> None:
    asked = access()
    challenged = asked.admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(challenged, Turned)
    answer = DigestClient("1001", "guessed").authorise(
        [value for _, value in challenged.headers], "INVITE", "sip:95500@192.0.2.1", IdSource(2)
    )
    refused = asked.admit(invite(HOTLINE, answer), FROM_TRUNK, HOTLINE, 0.0)
    assert isinstance(refused, Turned)
    assert refused.status == 403


def test_feature_code_is_never_taken_on_an_address_alone() -> None:
    admission = access().admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(admission, Turned)
    assert admission.status == 401


def test_challenge_offers_both_algorithms_and_says_nothing_of_who_exists() -> None:
    challenged = access().admit(invite(HOTLINE), FROM_ELSEWHERE, HOTLINE, 0.0)
    assert isinstance(challenged, Turned)
    assert [name for name, _ in challenged.headers] == ["WWW-Authenticate"] * 2
    assert {value.partition("algorithm=")[2].partition(",")[0] for _, value in challenged.headers} == {
        "SHA-256",
        "MD5",
    }


@pytest.mark.parametrize(
    ("user", "password"),
    [("1001", "guessed"), ("9999", "guessed"), ("1003", ""), ("1003", "guessed"), ("carrier", "guessed"), ("", "")],
    ids=["wrong password", "unknown", "no password set, none given", "no password set", "trunk", "nobody"],
)
def test_every_guess_gets_the_same_refusal(user: str, password: str) -> None:
    refused = proven(access(), user, password)
    assert isinstance(refused, Turned)
    assert (refused.status, refused.headers) == (403, ())


def test_inactive_agent_is_refused_with_the_right_password() -> None:
    refused = proven(access(), "1002", "of 1002")
    assert isinstance(refused, Turned)
    assert (refused.status, refused.headers, refused.reason) == (403, (), "inactive agent")


def test_old_nonce_is_challenged_anew_as_stale() -> None:
    again = proven(access(), "1001", "of 1001", later_s=NONCE_TTL_S + 1)
    assert isinstance(again, Turned)
    assert again.status == 401
    assert all("stale=true" in value for _, value in again.headers)


def test_credentials_that_are_replayed_are_challenged_anew() -> None:
    asked = access()
    first = asked.admit(invite(HOTLINE), FROM_ELSEWHERE, HOTLINE, 0.0)
    assert isinstance(first, Turned)
    answer = DigestClient("1001", "of 1001").authorise(
        [value for _, value in first.headers], "INVITE", "sip:95500@192.0.2.1", IdSource(2)
    )
    assert isinstance(asked.admit(invite(HOTLINE, answer), FROM_ELSEWHERE, HOTLINE, 0.0), FromAgent)
    replayed = asked.admit(invite(HOTLINE, answer), FROM_ELSEWHERE, HOTLINE, 1.0)
    assert isinstance(replayed, Turned)
    assert replayed.status == 401
