"""Admission: guessing passwords is delayed and ends in a ban, and never locks out whom it is aimed at."""

from dataclasses import replace

from tests.calls.admission.test_calls_authentication import CARRIER, REALM, access, invite
from tests.fakes.strict_bus import strict_bus
from tests.sip.digest_answer import authorised

from acdcore.calls.admission.admission import NO_CREDENTIALS, AdmissionControl, networks_of
from acdcore.calls.admission.authentication import Access
from acdcore.calls.admission.digest_accounts import DigestPolicy
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.trunks.trunks import Trunks
from acdcore.kernel.address import Address
from acdcore.kernel.ids import AgentId, IdSource
from acdcore.kernel.lockout import API_KEYS, Banned
from acdcore.sip.admission import AdmissionRejected, Admitted, SourceClass, Sources
from acdcore.sip.auth.digest import DigestServer
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.peers import Peer, PeerKind
from acdcore.sip.syntax.message import Headers, Request
from acdcore.sip.syntax.uri import SipUri
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.password import ha1_hashes

URI = "sip:192.0.2.1"
OURS = Address("192.0.2.1", 5060)
STRANGER, OFFICE, TRUNK = "203.0.113.7", "192.0.2.77", "198.51.100.7"


class Door:
    """Admission with its phones and strangers."""

    def __init__(self) -> None:
        self.directory = directory = MemoryDirectory()
        for agent in ("1001", "1002"):
            hashes = ha1_hashes(AgentId(agent), REALM, f"of {agent}")
            directory.put_agent(AgentRecord(AgentId(agent), agent, hashes.md5, hashes.sha256, {}, ()))
        self.sources = Sources()
        self.sources.use_trunks(networks_of([CARRIER]))
        digest = DigestServer(REALM, b"secret", IdSource(1))
        bus = strict_bus()
        self.control = AdmissionControl(
            Access(Trunks([CARRIER], []), directory, digest, DigestPolicy(REALM), self.sources.lockout),
            self.sources,
            bus,
        )
        self.bans: list[Banned] = []
        bus.subscribe(Banned, self.bans.append)

    def register(
        self, user: str, password: str, host: str, now: float, answer_from: str = ""
    ) -> Admitted | AdmissionRejected:
        """A REGISTER that is challenged, and its repetition with an answer, perhaps under another's address."""
        uri = SipUri.parse(URI)
        challenged = self.control.admit(Request("REGISTER", uri, Headers()), flow(host), now)
        assert isinstance(challenged, AdmissionRejected)
        answer = authorised(
            DigestClient(user, password), [value for _, value in challenged.headers], "REGISTER", URI, IdSource(2)
        )
        return self.control.admit(
            Request("REGISTER", uri, Headers([("Authorization", answer)])), flow(answer_from or host), now
        )


def flow(host: str) -> SipFlow:
    return SipFlow(Transport.UDP, OURS, Address(host, 5060))


def test_right_password_makes_the_address_known() -> None:
    door = Door()
    assert door.register("1001", "of 1001", OFFICE, 0.0) == Admitted(Peer(PeerKind.AGENT, "1001"))
    assert door.sources.of(OFFICE, 1.0) is SourceClass.PHONE


def test_guessing_ends_in_a_ban_and_the_right_password_does_not_get_in_while_held_up() -> None:
    door = Door()
    for number in range(10):
        assert isinstance(door.register("1001", f"guess {number}", STRANGER, number * 0.1), AdmissionRejected)
    held_up = door.register("1001", "of 1001", STRANGER, 1.1)
    assert isinstance(held_up, AdmissionRejected)
    assert (held_up.status, held_up.reason, held_up.user) == (503, "held up after wrong passwords", "1001")
    assert held_up.headers == (("Retry-After", "1"),)
    for number in range(10):
        door.register(f"20{number}", "guess", STRANGER, 2.0)
    assert [ban.source for ban in door.bans] == [STRANGER]


def test_agent_gets_in_while_strangers_guess_its_password() -> None:
    door = Door()
    door.register("1001", "of 1001", OFFICE, 0.0)
    for number in range(500):
        door.register("1001", "guess", f"203.0.113.{number % 250}", 1.0)
    assert isinstance(door.register("1001", "of 1001", OFFICE, 1.5), Admitted)
    assert isinstance(door.register("1001", "of 1001", "192.0.2.99", 1.5), AdmissionRejected)  # never was right for it
    assert isinstance(door.register("1002", "of 1002", "192.0.2.99", 2.0), Admitted)


def test_phone_gets_in_after_a_restart_while_strangers_guess_its_password() -> None:
    door = Door()
    door.control.recognise([("1001", flow(OFFICE))], 0.0)
    for number in range(500):
        door.register("1001", "guess", f"203.0.113.{number % 250}", 1.0)
    assert isinstance(door.register("1001", "of 1001", OFFICE, 1.5), Admitted)
    assert isinstance(door.register("1001", "of 1001", "192.0.2.99", 1.5), AdmissionRejected)  # never was right for it


def test_phones_of_one_office_are_not_banned_for_one_with_an_old_password() -> None:
    door = Door()
    door.register("1001", "of 1001", OFFICE, 0.0)
    for number in range(100):
        door.register("1002", "old", OFFICE, float(number))
    assert door.bans == []
    assert isinstance(door.register("1001", "of 1001", OFFICE, 100.0), Admitted)
    assert isinstance(door.register("1002", "of 1002", OFFICE, 110.0), Admitted)


def test_client_with_a_key_is_not_banned_for_a_phone_beside_it() -> None:
    door = Door()
    door.control.lockout.succeeded(STRANGER, API_KEYS)
    for number in range(100):
        door.register(f"2{number:03}", "old", STRANGER, float(number))
    assert door.bans == []


def test_nobody_is_banned_for_what_others_send_under_its_address() -> None:
    door = Door()
    for number in range(100):
        spoofed = door.register("1001", "guess", STRANGER, float(number), answer_from=OFFICE)
        assert isinstance(spoofed, AdmissionRejected)
        assert (spoofed.status, spoofed.user) == (401, "")
    assert door.bans == []
    assert isinstance(door.register("1001", "of 1001", OFFICE, 101.0), Admitted)


def test_right_password_from_a_network_that_is_not_the_agents_is_refused_and_named() -> None:
    door = Door()
    bound = door.directory.agent(AgentId("1001"))
    assert bound is not None
    door.directory.put_agent(replace(bound, allowed_networks=("192.0.2.0/24",)))
    refused = door.register("1001", "of 1001", STRANGER, 0.0)
    assert isinstance(refused, AdmissionRejected)
    assert (refused.status, refused.reason, refused.user) == (403, "address is not allowed", "1001")
    assert door.sources.of(STRANGER, 0.0) is SourceClass.STRANGER
    assert isinstance(door.register("1001", "of 1001", OFFICE, 0.0), Admitted)
    assert isinstance(door.register("1002", "of 1002", STRANGER, 0.0), Admitted)


def test_trunks_are_never_strangers_neither_by_their_networks_nor_by_their_target() -> None:
    door = Door()
    assert door.sources.of(TRUNK, 0.0) is SourceClass.TRUNK
    assert isinstance(door.control.admit(invite("95500"), flow(TRUNK), 0.0), Admitted)


def test_strangers_invite_is_named_in_the_log_and_a_phones_first_try_is_not() -> None:
    door = Door()
    stranger = door.control.admit(invite("95500"), flow(STRANGER), 0.0)
    door.register("1001", "of 1001", OFFICE, 0.0)
    phone = door.control.admit(invite("*11"), flow(OFFICE), 1.0)
    assert isinstance(stranger, AdmissionRejected) and isinstance(phone, AdmissionRejected)
    assert (stranger.reason, phone.reason) == (NO_CREDENTIALS, "")


def test_reload_of_access_keeps_what_was_counted() -> None:
    door = Door()
    for _ in range(5):
        door.register("1001", "guess", STRANGER, 0.0)
    before = door.control.lockout.delay_s(STRANGER, "1001", 0.0)
    door.control.use(access())
    assert door.control.lockout.delay_s(STRANGER, "1001", 0.0) == before > 0
