"""The client's side of digest: every challenge that trunks and proxies are known to send, several at once too."""

import hashlib

import pytest
from tests.sip.digest_answer import authorised
from tests.sip.peer import ANSWER, FLOW, OFFER, endpoint, outgoing, sent

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_client import REALMS_MAX, DigestClient, parse_challenges
from acdcore.sip.auth.digest_values import digest_fields
from acdcore.sip.events import SessionRefused, SipEvent
from acdcore.sip.syntax.message import Field, Request

USER, PASSWORD = "acd", "secret"
WWW, PROXY = "WWW-Authenticate", "Proxy-Authenticate"
CONTACT: Field = ("Contact", "<sip:peer@192.0.2.2>")


class Dialled:
    """A call of ours with credentials, and a peer that challenges it."""

    def __init__(self, client: DigestClient | None = None) -> None:
        self.endpoint = endpoint()
        self.session, outputs = self.endpoint.invite(outgoing(client or DigestClient(USER, PASSWORD)), 0.0)
        self.requests = [one for one in sent(outputs) if isinstance(one, Request)]
        self.events: list[SipEvent] = []

    @property
    def latest(self) -> Request:
        """What we sent last, ACKs of refusals apart."""
        return self.requests[-1]

    def answered(self, status: int, *fields: Field, body: bytes = b"") -> Request | None:
        """The next request of ours after this response to the latest one; None when there is none."""
        response = self.latest.response(status, headers=[CONTACT, *fields], body=body, to_tag="p")
        outputs = self.endpoint.receive(response.serialise(), FLOW, 1.0)
        self.events += [one for one in outputs if isinstance(one, SipEvent)]
        new = [one for one in sent(outputs) if isinstance(one, Request)]
        new = [one for one in new if one.method != "ACK" or status < 300]
        self.requests += new
        return new[-1] if new else None

    def again(self, status: int, *fields: Field) -> Request:
        """The request once more, which has to come."""
        request = self.answered(status, *fields)
        assert request is not None, self.events
        return request


def given(request: Request, name: str = "Authorization") -> list[dict[str, str]]:
    """The credentials in a request."""
    return [fields for line in request.headers.get_all(name) for fields in digest_fields(line)]


def hexed(name: str, data: str | bytes) -> str:
    return hashlib.new(name, data.encode() if isinstance(data, str) else data).hexdigest()


@pytest.mark.parametrize("written", ["", "MD5", '"MD5"', "md5", "MD5-sess", '"md5-SESS"', "SHA-256", "SHA-256-sess"])
@pytest.mark.parametrize("qop", ["auth", "auth-int", None])
def test_every_form_of_challenge_gets_the_response_of_the_rfc(written: str, qop: str | None) -> None:
    value = 'Digest realm="r", nonce="n"'
    value += f", algorithm={written}" if written else ""
    value += f', qop="{qop}"' if qop else ""
    request = Dialled().again(401, (WWW, value))
    (fields,) = given(request)
    name = "sha256" if "SHA" in written else "md5"
    secret = hexed(name, f"{USER}:r:{PASSWORD}")
    if "sess" in written.lower():
        secret = hexed(name, f"{secret}:n:{fields['cnonce']}")
    asked = f"INVITE:{request.uri}" + (f":{hexed(name, OFFER)}" if qop == "auth-int" else "")
    middle = f"{fields['nc']}:{fields['cnonce']}:{qop}:" if qop else ""
    assert fields["response"] == hexed(name, f"{secret}:n:{middle}{hexed(name, asked)}")
    assert fields["algorithm"].upper() == (written.strip('"').upper() or "MD5")
    assert fields.get("qop") == qop
    assert request.body == OFFER


def test_proxy_and_peer_that_challenge_one_after_the_other_are_both_answered() -> None:
    call = Dialled()
    first = call.again(407, (PROXY, 'Digest realm="proxy", nonce="p1", qop="auth"'))
    assert [fields["realm"] for fields in given(first, "Proxy-Authorization")] == ["proxy"]
    second = call.again(401, (WWW, 'Digest realm="peer", nonce="w1", qop="auth", opaque="o"'))
    assert [fields["nc"] for fields in given(second, "Proxy-Authorization")] == ["00000002"]
    (fields,) = given(second)
    assert (fields["realm"], fields["nonce"], fields["nc"], fields["opaque"]) == ("peer", "w1", "00000001", "o")
    assert second.cseq.number == 3
    ack = call.answered(200, body=ANSWER)
    assert ack is not None
    for name in ("Authorization", "Proxy-Authorization"):
        assert ack.headers.get_all(name) == second.headers.get_all(name)


def test_challenges_of_a_proxy_and_of_the_peer_in_one_response_are_both_answered() -> None:
    challenges = [(PROXY, 'Digest realm="a", nonce="1"'), (WWW, 'Digest realm="b", nonce="2"')]
    for status in (401, 407):
        request = Dialled().again(status, *challenges)
        assert [fields["realm"] for fields in given(request)] == ["b"]
        assert [fields["realm"] for fields in given(request, "Proxy-Authorization")] == ["a"]


@pytest.mark.parametrize(
    "lines",
    [
        ['Digest realm="a", nonce="1", qop="auth"', 'Digest realm="b", nonce="2"'],
        ['Digest realm="a", nonce="1", qop="auth,auth-int", Digest realm="b",nonce="2"'],
        ['Basic realm="a", Digest realm="a", nonce="1", NTLM, Digest nonce="2",realm="b"'],
    ],
    ids=["two lines", "one line", "one line with other schemes"],
)
def test_each_realm_gets_credentials_of_its_own(lines: list[str]) -> None:
    request = Dialled().again(401, *[(WWW, line) for line in lines])
    assert [(fields["realm"], fields["nonce"]) for fields in given(request)] == [("a", "1"), ("b", "2")]


def test_strongest_known_algorithm_of_a_realm_is_answered_and_unknown_ones_are_passed_over() -> None:
    names = ("SHA-512-256", "MD5-sess", "MD5", "SHA-256-sess", "ROT13")
    challenges = [(WWW, f'Digest realm="r", nonce="{name}", algorithm={name}, qop="auth"') for name in names]
    assert [fields["nonce"] for fields in given(Dialled().again(401, *challenges))] == ["SHA-256-sess"]
    assert [fields["nonce"] for fields in given(Dialled().again(401, *challenges[:3]))] == ["MD5"]
    unknown = [challenge for challenge in challenges if "MD5" not in challenge[1] and "A-256" not in challenge[1]]
    assert Dialled().answered(401, *unknown) is None


def test_auth_goes_before_auth_int_wherever_it_stands() -> None:
    for qop in ("auth-int,auth", "auth, auth-int", "token , AUTH"):
        request = Dialled().again(401, (WWW, f'Digest realm="r", nonce="n", qop="{qop}"'))
        assert [fields["qop"] for fields in given(request)] == ["auth"]


def test_trunk_for_sha_256_only_cannot_be_brought_to_answer_with_md5() -> None:
    call = Dialled(DigestClient(USER, PASSWORD, ("SHA-256",)))
    assert call.answered(401, (WWW, 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"')) is None
    assert isinstance(call.events[-1], SessionRefused)


def test_realm_that_refused_the_password_is_not_asked_again_and_another_one_is() -> None:
    call = Dialled()
    call.again(401, (WWW, 'Digest realm="a", nonce="1", qop="auth"'))
    call.again(401, (WWW, 'Digest realm="b", nonce="2", qop="auth"'))
    assert call.answered(401, (WWW, 'Digest realm="b", nonce="3", qop="auth"')) is None
    assert isinstance(call.events[-1], SessionRefused)


def test_stale_nonce_of_each_realm_is_renewed_once() -> None:
    call = Dialled()
    call.again(407, (PROXY, 'Digest realm="a", nonce="1", qop="auth"'))
    call.again(401, (WWW, 'Digest realm="b", nonce="2", qop="auth"'))
    request = call.again(407, (PROXY, 'Digest realm="a", nonce="3", qop="auth", stale=TRUE'))
    assert [(fields["nonce"], fields["nc"]) for fields in given(request, "Proxy-Authorization")] == [("3", "00000001")]
    assert [(fields["nonce"], fields["nc"]) for fields in given(request)] == [("2", "00000002")]
    assert call.answered(407, (PROXY, 'Digest realm="a", nonce="4", qop="auth", stale=true')) is None


def test_requests_within_the_dialog_carry_credentials_at_once_with_growing_counts() -> None:
    call = Dialled()
    call.again(401, (WWW, 'Digest realm="r", nonce="n", qop="auth"'))
    call.answered(200, body=ANSWER)
    counts = []
    for outputs in (call.endpoint.modify(call.session, OFFER, 2.0), call.endpoint.hang_up(call.session, 3.0)):
        (request,) = [one for one in sent(outputs) if isinstance(one, Request)]
        (fields,) = given(request)
        assert fields["uri"] == str(request.uri)
        counts.append((request.method, fields["nc"]))
    assert counts == [("INVITE", "00000002"), ("BYE", "00000003")]


def test_nonce_that_ran_out_within_the_dialog_is_renewed_though_it_is_not_called_stale() -> None:
    call = Dialled()
    call.again(401, (WWW, 'Digest realm="r", nonce="n", qop="auth"'))
    call.answered(200, body=ANSWER)
    (bye,) = [one for one in sent(call.endpoint.hang_up(call.session, 900.0)) if isinstance(one, Request)]
    call.requests.append(bye)
    again = call.again(401, (WWW, 'Digest realm="r", nonce="m", qop="auth"'))
    assert [(fields["nonce"], fields["nc"]) for fields in given(again)] == [("m", "00000001")]
    assert call.answered(401, (WWW, 'Digest realm="r", nonce="k", qop="auth"')) is None


def test_same_nonce_in_a_later_challenge_goes_on_counting_with_the_same_client_nonce() -> None:
    call = Dialled()
    first = call.again(407, (PROXY, 'Digest realm="r", nonce="n", qop="auth"'))
    second = call.again(407, (PROXY, 'Digest realm="r", nonce="n", qop="auth", stale=true'))
    before, after = given(first, "Proxy-Authorization")[0], given(second, "Proxy-Authorization")[0]
    assert (before["nc"], after["nc"]) == ("00000001", "00000002")
    assert before["cnonce"] == after["cnonce"]


def test_client_answers_a_bounded_number_of_realms() -> None:
    challenges = [(WWW, f'Digest realm="{number}", nonce="n"') for number in range(REALMS_MAX + 3)]
    assert len(given(Dialled().again(401, *challenges))) == REALMS_MAX


@pytest.mark.parametrize(
    "value",
    ["", "Digest", "Digest ", "NTLM", "Digest x", 'Digest realm="r', 'Digest realm="r",,nonce="n"', 'Digest nonce="n"'],
)
def test_malformed_challenge_is_no_challenge(value: str) -> None:
    assert parse_challenges([value]) == []


def test_bytes_that_are_no_utf_8_are_hashed_as_they_came() -> None:
    value = authorised(DigestClient(USER, PASSWORD), ['Digest realm="\udce9", nonce="n"'], "BYE", "sip:a", IdSource(1))
    ((fields),) = digest_fields(value)
    secret = hexed("md5", b"acd:\xe9:secret")
    assert fields["response"] == hexed("md5", f"{secret}:n:{hexed('md5', 'BYE:sip:a')}")
