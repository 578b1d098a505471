"""Who may call, judged by what a request proves: every refusal looks alike to somebody who guesses."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.sip.digest_answer import authorised

from acdcore.calls.admission.authentication import Access, Admission, FromAgent, FromTrunk, NotAdmitted
from acdcore.calls.admission.digest_accounts import DigestPolicy
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.trunks.trunks import InboundRoute, Trunk, Trunks
from acdcore.kernel.address import Address
from acdcore.kernel.ids import AgentId, IdSource
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.auth.digest_values import Algorithm
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.syntax.message import Headers, Request
from acdcore.sip.syntax.uri import SipUri
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.password import ha1_hashes

REALM = "acdcore"
OURS = Address("192.0.2.1", 5060)
FROM_TRUNK = SipFlow(Transport.UDP, OURS, Address("198.51.100.7", 5060))
FROM_ELSEWHERE = SipFlow(Transport.UDP, OURS, Address("203.0.113.7", 5060))
CARRIER = Trunk("carrier", (ip_network("198.51.100.0/24"),), 10, user="carrier", password="of carrier")
NONCE_TTL_S = 300.0
HOTLINE = "95500"


def access(
    policy: DigestPolicy = DigestPolicy(REALM),  # noqa: B008 - it is frozen
    trunk: Trunk = CARRIER,
    trunks: Trunks | None = None,
) -> Access:
    """One trunk, an active agent, one who left, and one without a password."""
    directory = MemoryDirectory()
    for agent, is_active in (("1001", True), ("1002", False)):
        hashes = ha1_hashes(AgentId(agent), REALM, f"of {agent}")
        directory.put_agent(AgentRecord(AgentId(agent), agent, hashes.md5, hashes.sha256, {}, (), is_active))
    directory.put_agent(AgentRecord(AgentId("1003"), "1003", "", "", {}, ()))
    digest = DigestServer(REALM, b"secret", IdSource(1))
    return Access(trunks or Trunks([trunk], []), directory, digest, policy)


def invite(dialled: str, *authorization: str) -> Request:
    fields = [("Authorization", value) for value in authorization]
    return Request("INVITE", SipUri.parse(f"sip:{dialled}@192.0.2.1"), Headers(fields))


def proven(asked: Access, user: str, password: str, dialled: str = HOTLINE, later_s: float = 0.0) -> Admission:
    """What becomes of a caller from elsewhere who answers the challenge, perhaps late."""
    first = asked.admit(invite(dialled), FROM_ELSEWHERE, dialled, 100.0)
    assert isinstance(first, NotAdmitted)
    challenges = [value for _, value in first.headers]
    answer = authorised(DigestClient(user, password), challenges, "INVITE", f"sip:{dialled}@192.0.2.1", IdSource(2))
    return asked.admit(invite(dialled, answer), FROM_ELSEWHERE, dialled, 100.0 + later_s)


def test_trunk_is_known_by_its_address() -> None:
    assert access().admit(invite(HOTLINE), FROM_TRUNK, HOTLINE, 0.0) == FromTrunk(CARRIER)


def test_trunk_is_known_by_its_credentials_from_anywhere() -> None:
    assert proven(access(), "carrier", "of carrier") == FromTrunk(CARRIER)


def test_agent_who_left_is_no_trunk_of_the_same_name() -> None:
    directory = MemoryDirectory()
    hashes = ha1_hashes(AgentId("carrier"), REALM, "of the agent")
    directory.put_agent(AgentRecord(AgentId("carrier"), "left", hashes.md5, hashes.sha256, {}, (), is_active=False))
    asked = Access(Trunks([CARRIER], []), directory, DigestServer(REALM, b"secret", IdSource(1)), DigestPolicy(REALM))
    assert proven(asked, "carrier", "of the agent") == NotAdmitted(403, reason="inactive agent", user="carrier")


def test_agent_is_known_by_credentials() -> None:
    admission = proven(access(), "1001", "of 1001")
    assert isinstance(admission, FromAgent)
    assert admission.agent.agent == "1001"


def test_credentials_go_before_the_address_that_they_come_from() -> None:
    asked = access()
    challenged = asked.admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(challenged, NotAdmitted)
    answer = authorised(
        DigestClient("1001", "of 1001"),
        [value for _, value in challenged.headers],
        "INVITE",
        "sip:95500@192.0.2.1",
        IdSource(2),
    )
    assert isinstance(asked.admit(invite(HOTLINE, answer), FROM_TRUNK, HOTLINE, 0.0), FromAgent)


def test_wrong_credentials_are_refused_even_from_a_trunks_address() -> None:
    asked = access()
    challenged = asked.admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(challenged, NotAdmitted)
    answer = authorised(
        DigestClient("1001", "guessed"),
        [value for _, value in challenged.headers],
        "INVITE",
        "sip:95500@192.0.2.1",
        IdSource(2),
    )
    refused = asked.admit(invite(HOTLINE, answer), FROM_TRUNK, HOTLINE, 0.0)
    assert isinstance(refused, NotAdmitted)
    assert refused.status == 403


def test_feature_code_is_never_taken_on_an_address_alone() -> None:
    admission = access().admit(invite("*11"), FROM_TRUNK, "*11", 0.0)
    assert isinstance(admission, NotAdmitted)
    assert admission.status == 401


def offers(admission: Admission) -> list[str]:
    """The algorithms that a challenge offers, in order."""
    assert isinstance(admission, NotAdmitted)
    assert admission.status == 401
    assert {name for name, _ in admission.headers} == {"WWW-Authenticate"}
    return [value.partition("algorithm=")[2].partition(",")[0] for _, value in admission.headers]


def named_by(user: str, method: str = "INVITE") -> Request:
    """A request without credentials of somebody who says who it is."""
    own = f"<sip:{user}@192.0.2.1>;tag=a"
    return Request(method, SipUri.parse("sip:192.0.2.1"), Headers([("From", own), ("To", own.partition(";")[0])]))


def test_challenge_offers_md5_alone_and_says_nothing_of_who_exists() -> None:
    asked = access()
    for user in ("1001", "9999", "carrier"):
        assert offers(asked.authenticate(named_by(user, "REGISTER"), FROM_ELSEWHERE, 0.0)) == ["MD5"]
        assert offers(asked.admit(named_by(user), FROM_ELSEWHERE, HOTLINE, 0.0)) == ["MD5"]


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("SHA-256", "MD5"), ("MD5", "SHA-256")])
def test_realms_algorithms_are_offered_in_its_order(algorithms: tuple[Algorithm, ...]) -> None:
    asked = access(DigestPolicy(REALM, algorithms))
    assert offers(asked.admit(invite(HOTLINE), FROM_ELSEWHERE, HOTLINE, 0.0)) == list(algorithms)
    assert isinstance(proven(asked, "1001", "of 1001"), FromAgent)


def staffed(agents: int, with_sha_256: int) -> Access:
    """Some of many agents have an algorithm of their own."""
    directory = MemoryDirectory()
    for number in range(agents):
        own: tuple[Algorithm, ...] = ("SHA-256",) if number < with_sha_256 else ()
        hashes = ha1_hashes(AgentId(str(2000 + number)), REALM, "pass")
        record = AgentRecord(AgentId(str(2000 + number)), "", hashes.md5, hashes.sha256, {}, ())
        directory.put_agent(replace(record, digest_algorithms=own))
    policy = DigestPolicy(REALM, decoy_key=b"key")
    return Access(Trunks([], []), directory, DigestServer(REALM, b"secret", IdSource(1)), policy)


def test_agents_own_algorithm_is_offered_at_the_first_challenge_and_no_other_counts() -> None:
    asked = staffed(10, 1)
    assert offers(asked.authenticate(named_by("2000", "REGISTER"), FROM_ELSEWHERE, 0.0)) == ["SHA-256"]
    assert offers(asked.authenticate(named_by("2001", "REGISTER"), FROM_ELSEWHERE, 0.0)) == ["MD5"]
    for user, named in (("2000", "2001"), ("2001", "2000")):
        first = asked.authenticate(named_by(named, "REGISTER"), FROM_ELSEWHERE, 0.0)
        assert isinstance(first, NotAdmitted)
        challenges = [value for _, value in first.headers]
        answer = authorised(DigestClient(user, "pass"), challenges, "INVITE", f"sip:{HOTLINE}@192.0.2.1", IdSource(2))
        again = asked.admit(invite(HOTLINE, answer), FROM_ELSEWHERE, HOTLINE, 0.0)
        assert offers(again) == (["SHA-256"] if user == "2000" else ["MD5"]), "the one whom the credentials name"
        assert isinstance(again, NotAdmitted)
        assert all("stale=true" in value for _, value in again.headers), "so that the phone repeats without asking"


@pytest.mark.parametrize("with_sha_256", [1, 50, 99])
def test_names_that_do_not_exist_are_challenged_like_the_agents_as_often_as_those(with_sha_256: int) -> None:
    asked, again = staffed(100, with_sha_256), staffed(100, with_sha_256)
    strangers = [f"stranger-{number}" for number in range(1000)]

    def challenged(by: Access) -> list[bool]:
        asks = [by.authenticate(named_by(name, "REGISTER"), FROM_ELSEWHERE, 0.0) for name in strangers]
        return [offers(admission) == ["SHA-256"] for admission in asks]

    answers = challenged(asked)
    assert abs(sum(answers) / len(answers) - with_sha_256 / 100) < 0.05
    assert answers == challenged(again), "a restart changes no name's challenge"


def test_trunk_is_challenged_with_its_own_algorithms_by_its_address_and_by_its_name() -> None:
    target = "sip:203.0.113.7:5060"
    strong = replace(CARRIER, addresses=(), target=target, digest_algorithms=("SHA-256",))
    asked = access(trunk=strong)
    assert offers(asked.admit(named_by("13900000009"), FROM_ELSEWHERE, HOTLINE, 0.0)) == ["SHA-256"]
    elsewhere = SipFlow(Transport.UDP, OURS, Address("203.0.113.8", 5060))
    assert offers(asked.admit(named_by("13900000009"), elsewhere, HOTLINE, 0.0)) == ["MD5"]
    assert offers(asked.admit(named_by("carrier"), elsewhere, HOTLINE, 0.0)) == ["SHA-256"]
    assert proven(asked, "carrier", "of carrier") == FromTrunk(strong)


# --- trunks by address beside trunks by credentials ---


def test_credentials_for_another_realm_do_not_take_a_trunks_address_from_it() -> None:
    foreign = 'Digest username="u", realm="elsewhere", nonce="n", uri="sip:a", response="0"'
    for lines in ([foreign], ["Basic dTpw"], [foreign, "Bearer x"], ['Digest realm="acdcore']):
        assert access().admit(invite(HOTLINE, *lines), FROM_TRUNK, HOTLINE, 0.0) == FromTrunk(CARRIER)


LOCAL = Trunk("local", (ip_network("203.0.113.0/24"),), 10)
PROVIDER = Trunk("provider", (), 10, user="provider", password="of provider", target="sip:203.0.113.7:5070")
ON_ONE_MACHINE = (
    [LOCAL, PROVIDER],
    [
        InboundRoute("local", HOTLINE, "local"),
        InboundRoute("provider", HOTLINE, "provider"),
        InboundRoute("provider", "95501", "provider"),
    ],
)


def at_port(port: int) -> SipFlow:
    return SipFlow(Transport.UDP, OURS, Address("203.0.113.7", port))


@pytest.mark.parametrize(
    ("dialled", "user", "port"),
    [("95501", "13900000009", 5060), (HOTLINE, "provider", 5060), (HOTLINE, "13900000009", 5070)],
    ids=["a number of its own", "its user in From", "from its target"],
)
def test_trunk_by_credentials_is_not_hidden_by_one_of_the_same_address(dialled: str, user: str, port: int) -> None:
    asked = access(trunks=Trunks(*ON_ONE_MACHINE))
    first = asked.admit(named_by(user), at_port(port), dialled, 0.0)
    assert offers(first) == ["MD5"]
    assert isinstance(first, NotAdmitted)
    challenges = [value for _, value in first.headers]
    uri = f"sip:{dialled}@192.0.2.1"
    answer = authorised(DigestClient("provider", "of provider"), challenges, "INVITE", uri, IdSource(2))
    assert asked.admit(invite(dialled, answer), at_port(port), dialled, 0.0) == FromTrunk(PROVIDER)


def test_trunk_by_address_keeps_its_calls_beside_one_by_credentials() -> None:
    asked = access(trunks=Trunks(*ON_ONE_MACHINE))
    for dialled in (HOTLINE, "95509"):  # one that nobody has is 404, not a challenge
        assert asked.admit(named_by("13900000009"), at_port(5060), dialled, 0.0) == FromTrunk(LOCAL)
    one_way = Trunks([LOCAL, PROVIDER], [InboundRoute("local", HOTLINE, "local")])
    asked = access(trunks=one_way)
    assert asked.admit(named_by("1"), at_port(5070), HOTLINE, 0.0) == FromTrunk(LOCAL), "the other takes no calls in"


@pytest.mark.parametrize(
    ("user", "password"),
    [("1001", "guessed"), ("9999", "guessed"), ("1003", ""), ("1003", "guessed"), ("carrier", "guessed"), ("", "")],
    ids=["wrong password", "unknown", "no password set, none given", "no password set", "trunk", "nobody"],
)
def test_every_guess_gets_the_same_refusal(user: str, password: str) -> None:
    refused = proven(access(), user, password)
    assert isinstance(refused, NotAdmitted)
    assert (refused.status, refused.headers) == (403, ())


def test_inactive_agent_is_refused_with_the_right_password() -> None:
    refused = proven(access(), "1002", "of 1002")
    assert isinstance(refused, NotAdmitted)
    assert (refused.status, refused.headers, refused.reason) == (403, (), "inactive agent")


def test_old_nonce_is_challenged_anew_as_stale() -> None:
    again = proven(access(), "1001", "of 1001", later_s=NONCE_TTL_S + 1)
    assert isinstance(again, NotAdmitted)
    assert again.status == 401
    assert all("stale=true" in value for _, value in again.headers)


def test_credentials_that_are_replayed_are_challenged_anew() -> None:
    asked = access()
    first = asked.admit(invite(HOTLINE), FROM_ELSEWHERE, HOTLINE, 0.0)
    assert isinstance(first, NotAdmitted)
    answer = authorised(
        DigestClient("1001", "of 1001"),
        [value for _, value in first.headers],
        "INVITE",
        "sip:95500@192.0.2.1",
        IdSource(2),
    )
    assert isinstance(asked.admit(invite(HOTLINE, answer), FROM_ELSEWHERE, HOTLINE, 0.0), FromAgent)
    replayed = asked.admit(invite(HOTLINE, answer), FROM_ELSEWHERE, HOTLINE, 1.0)
    assert isinstance(replayed, NotAdmitted)
    assert replayed.status == 401
