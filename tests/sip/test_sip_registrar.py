"""The registrar: RFC 3261 section 10.3 step by step, expiry, limits, and connections that close."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.sip.registrar import (
    Binding,
    BindingChange,
    Expired,
    Refreshed,
    Registered,
    Registrar,
    RegistrarReply,
    RegistrarSettings,
    Unregistered,
)
from acdcore.sip.syntax.headers import parse_contact
from acdcore.sip.syntax.message import Headers, Request
from acdcore.sip.syntax.uri import SipUri

SETTINGS = RegistrarSettings(expires_min_s=60, expires_max_s=3600, expires_default_s=600, contacts_max=3)
DESK = "<sip:1001@10.0.0.5:5062>"
SOFT = "<sip:1001@10.0.0.9>"


def register(
    *contacts: str, cseq: int = 1, expires: int | None = None, call_id: str = "a@b", to: str = "<sip:1001@example.com>"
) -> Request:
    fields = [("To", to), ("From", "<sip:1001@example.com>;tag=1"), ("Call-ID", call_id), ("CSeq", f"{cseq} REGISTER")]
    fields += [("Contact", contact) for contact in contacts]
    fields += [] if expires is None else [("Expires", str(expires))]
    return Request("REGISTER", SipUri("sip", "", "example.com"), Headers(fields))


def registrar() -> Registrar[str]:
    return Registrar(SETTINGS)


def kinds(changes: Iterable[BindingChange[str]]) -> list[tuple[type, str]]:
    return [(type(change), str(change.binding.contact.uri)) for change in changes]


def uris(bindings: Iterable[Binding[str]]) -> list[str]:
    return [str(binding.contact.uri) for binding in bindings]


def listed(reply: RegistrarReply[str]) -> list[str]:
    return [value for name, value in reply.headers if name == "Contact"]


def test_registered_contact_can_be_reached_on_its_flow_until_it_expires() -> None:
    home = registrar()
    reply = home.handle(register(DESK), "udp-1", "1001", 100.0)
    assert reply.status == 200
    assert listed(reply) == [f"{DESK};expires=600"]
    assert kinds(reply.changes) == [(Registered, "sip:1001@10.0.0.5:5062")]
    [binding] = home.contacts("1001", 699.9)
    assert (binding.flow, binding.q, binding.expires_at) == ("udp-1", 1.0, 700.0)
    assert home.next_deadline() == 700.0
    assert home.contacts("1001", 700.0) == ()
    assert kinds(home.handle_deadline(700.0)) == [(Expired, "sip:1001@10.0.0.5:5062")]
    assert (home.next_deadline(), len(home)) == (None, 0)


def test_refresh_moves_expiry_and_flow_and_is_told_from_a_first_registration() -> None:
    home = registrar()
    home.handle(register(DESK), "old", "1001", 0.0)
    reply = home.handle(register(DESK, cseq=2), "new", "1001", 300.0)
    assert [type(change) for change in reply.changes] == [Refreshed]
    [binding] = home.contacts("1001", 800.0)
    assert (binding.flow, home.next_deadline()) == ("new", 900.0)


def test_contact_that_is_spelled_another_way_takes_the_place_of_the_one_before() -> None:
    home = registrar()
    home.handle(register("<sip:1001@desk.example.com>"), "udp-1", "1001", 0.0)
    reply = home.handle(register("<sip:1001@Desk.example.com;ob>", cseq=2), "udp-1", "1001", 10.0)
    assert kinds(reply.changes) == [
        (Unregistered, "sip:1001@desk.example.com"),
        (Registered, "sip:1001@Desk.example.com;ob"),
    ]
    assert uris(home.contacts("1001", 10.0)) == ["sip:1001@Desk.example.com;ob"]
    assert home.next_deadline() == 610.0


def test_expires_of_the_contact_precedes_that_of_the_request() -> None:
    home = registrar()
    reply = home.handle(register(f"{DESK};expires=120", SOFT, expires=300), "f", "1001", 0.0)
    assert sorted(listed(reply)) == [f"{DESK};expires=120", f"{SOFT};expires=300"]


def test_expires_is_capped_and_an_unreadable_one_counts_as_an_hour() -> None:
    home = registrar()
    assert listed(home.handle(register(f"{DESK};expires=86400"), "f", "1001", 0.0)) == [f"{DESK};expires=3600"]
    assert listed(home.handle(register(f"{DESK};expires=soon", cseq=2), "f", "1001", 1.0)) == [f"{DESK};expires=3600"]


def test_interval_too_brief_is_refused_with_the_least_that_is_granted() -> None:
    home = registrar()
    reply = home.handle(register(SOFT, f"{DESK};expires=59"), "f", "1001", 0.0)
    assert (reply.status, reply.headers, reply.changes) == (423, (("Min-Expires", "60"),), ())
    assert len(home) == 0, "the other contact must not have been taken either"


def test_query_without_contact_lists_what_is_there_and_changes_nothing() -> None:
    home = registrar()
    home.handle(register(DESK), "f", "1001", 0.0)
    reply = home.handle(register(cseq=2), "g", "1001", 100.0)
    assert (reply.status, listed(reply), reply.changes) == (200, [f"{DESK};expires=500"], ())


def test_contact_with_expires_zero_is_removed() -> None:
    home = registrar()
    home.handle(register(DESK, SOFT), "f", "1001", 0.0)
    reply = home.handle(register(DESK, cseq=2, expires=0), "f", "1001", 1.0)
    assert kinds(reply.changes) == [(Unregistered, "sip:1001@10.0.0.5:5062")]
    assert uris(home.contacts("1001", 1.0)) == ["sip:1001@10.0.0.9"]
    assert home.handle(register(DESK, cseq=3, expires=0), "f", "1001", 2.0).changes == ()


def test_wildcard_removes_all() -> None:
    home = registrar()
    home.handle(register(DESK, SOFT), "f", "1001", 0.0)
    reply = home.handle(register("*", cseq=2, expires=0), "f", "1001", 1.0)
    assert [type(change) for change in reply.changes] == [Unregistered, Unregistered]
    assert (listed(reply), len(home), home.next_deadline()) == ([], 0, None)


@pytest.mark.parametrize(
    "request_", [register("*", cseq=2), register("*", cseq=2, expires=60), register("*", DESK, cseq=2, expires=0)]
)
def test_wildcard_with_anything_else_is_refused(request_: Request) -> None:
    home = registrar()
    home.handle(register(DESK), "f", "1001", 0.0)
    assert home.handle(request_, "f", "1001", 1.0).status == 400
    assert len(home) == 1


@pytest.mark.parametrize(
    "late", [register(DESK, cseq=5), register(DESK, cseq=4, expires=0), register("*", cseq=5, expires=0)]
)
def test_overtaken_register_of_the_same_call_is_refused(late: Request) -> None:
    home = registrar()
    home.handle(register(DESK, cseq=5), "f", "1001", 0.0)
    assert home.handle(late, "f", "1001", 1.0).status == 500
    assert home.contacts("1001", 1.0)[0].refreshed_at == 0.0


def test_lower_cseq_of_another_call_is_in_order() -> None:
    home = registrar()
    home.handle(register(DESK, cseq=5), "f", "1001", 0.0)
    reply = home.handle(register(DESK, cseq=1, call_id="after-restart"), "f", "1001", 1.0)
    assert [type(change) for change in reply.changes] == [Refreshed]


def test_failure_at_the_last_contact_leaves_everything_as_it_was() -> None:
    home = registrar()
    home.handle(register(DESK), "f", "1001", 0.0)
    before = home.contacts("1001", 0.0)
    for bad in ("<tel:10086>", f"{SOFT};q=1.5", "<sip:broken"):
        reply = home.handle(register(f"{DESK};expires=0", bad, cseq=2), "f", "1001", 1.0)
        assert (reply.status, reply.changes) == (400, ())
    assert home.contacts("1001", 1.0) == before


def test_nobody_registers_for_another() -> None:
    home = registrar()
    assert home.handle(register(DESK, to="<sip:1002@example.com>"), "f", "1001", 0.0).status == 403


def test_address_of_another_scheme_cannot_be_registered() -> None:
    assert registrar().handle(register(DESK, to="<isbn:2983792873>"), "f", "1001", 0.0).status == 400


def test_contacts_are_ordered_by_preference_then_by_the_latest() -> None:
    home = registrar()
    home.handle(register("<sip:low@h>;q=0.5"), "f", "1001", 3.0)
    home.handle(register("<sip:old@h>;q=1.0", call_id="b"), "f", "1001", 1.0)
    home.handle(register("<sip:new@h>", call_id="c"), "f", "1001", 2.0)
    assert uris(home.contacts("1001", 3.0)) == ["sip:new@h", "sip:old@h", "sip:low@h"]


def test_one_contact_too_many_displaces_the_one_longest_not_refreshed() -> None:
    home = registrar()
    for at in range(3):
        home.handle(register(f"<sip:p{at}@h>", cseq=at + 1), "f", "1001", float(at))
    home.handle(register("<sip:p0@h>", cseq=4), "f", "1001", 3.0)
    reply = home.handle(register("<sip:p9@h>", cseq=5), "f", "1001", 4.0)
    assert kinds(reply.changes) == [(Registered, "sip:p9@h"), (Unregistered, "sip:p1@h")]
    assert len(home) == SETTINGS.contacts_max


def test_too_many_contacts_in_one_request_are_refused() -> None:
    home = registrar()
    assert home.handle(register(*[f"<sip:p{n}@h>" for n in range(4)]), "f", "1001", 0.0).status == 403


def test_closed_connection_takes_its_contacts_along() -> None:
    home = registrar()
    home.handle(register(DESK), "tcp-1", "1001", 0.0)
    home.handle(register(SOFT, cseq=2), "tcp-2", "1001", 0.0)
    home.handle(register("<sip:1002@h>", to="<sip:1002@example.com>"), "tcp-1", "1002", 0.0)
    assert sorted(change.user for change in home.forget_flow("tcp-1")) == ["1001", "1002"]
    assert uris(home.contacts("1001", 0.0)) == ["sip:1001@10.0.0.9"]
    assert home.forget_flow("tcp-1") == ()
    assert len(home) == 1


def test_parameters_of_a_contact_are_kept_but_for_its_expires() -> None:
    home = registrar()
    reply = home.handle(register(f'{DESK};+sip.instance="<urn:uuid:1>";expires=60;q=0.7'), "f", "1001", 0.0)
    [shown] = listed(reply)
    assert parse_contact(shown).params == (("+sip.instance", "<urn:uuid:1>"), ("q", "0.7"), ("expires", "60"))


INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'


def test_same_instance_replaces_what_it_registered_from_its_old_address() -> None:
    home = registrar()
    home.handle(register(f"{DESK};{INSTANCE}"), "f1", "1001", 0.0)
    reply = home.handle(register(f"{SOFT};{INSTANCE.lower()}", call_id="b"), "f2", "1001", 1.0)
    assert kinds(reply.changes) == [(Unregistered, "sip:1001@10.0.0.5:5062"), (Registered, "sip:1001@10.0.0.9")]
    assert [binding.flow for binding in home.contacts("1001", 1.0)] == ["f2"]


def test_flows_of_one_instance_with_other_reg_ids_stand_beside_each_other() -> None:
    home = registrar()
    home.handle(register(f"{DESK};{INSTANCE};reg-id=1"), "f1", "1001", 0.0)
    home.handle(register(f"{SOFT};{INSTANCE};reg-id=2", call_id="b"), "f2", "1001", 1.0)
    assert len(home) == 2
    home.handle(register(f"<sip:1001@10.0.0.7>;{INSTANCE};reg-id=2", call_id="c"), "f3", "1001", 2.0)
    assert sorted(binding.flow for binding in home.contacts("1001", 2.0)) == ["f1", "f3"]


def test_contacts_of_one_instance_in_one_request_are_both_kept() -> None:
    home = registrar()
    home.handle(register(f"{DESK};{INSTANCE}", f"{SOFT};{INSTANCE}"), "f1", "1001", 0.0)
    assert len(home) == 2


def test_contact_that_names_its_instance_only_now_takes_the_place_of_the_one_before() -> None:
    home = registrar()
    home.handle(register(DESK), "udp-1", "1001", 0.0)
    reply = home.handle(register(f'{DESK};+sip.instance="<urn:uuid:1>"', cseq=2), "udp-1", "1001", 10.0)
    assert [type(change) for change in reply.changes] == [Unregistered, Registered]
    assert len(home.contacts("1001", 10.0)) == 1


def test_two_machines_at_the_same_private_address_behind_different_nats_are_two_phones() -> None:
    home = registrar()
    for instance, flow, expires_s in (("1", "nat-1", 600), ("2", "nat-2", 900)):
        contact = f'{DESK};+sip.instance="<urn:uuid:{instance}>";expires={expires_s}'
        reply = home.handle(register(contact, call_id=instance), flow, "1001", 0.0)
        assert [type(change) for change in reply.changes] == [Registered]
    assert {binding.flow for binding in home.contacts("1001", 1.0)} == {"nat-1", "nat-2"}
    assert [one.binding.flow for one in home.handle_deadline(600.0)] == ["nat-1"]
    assert [one.binding.flow for one in home.handle_deadline(900.0)] == ["nat-2"]
    assert home.restore([("1001", each) for each in both_at_one_address()], 0.0)[1:]


def both_at_one_address() -> list[Binding[str]]:
    """What the registrar kept of them."""
    home = registrar()
    for instance in ("1", "2"):
        contact = f'{DESK};+sip.instance="<urn:uuid:{instance}>"'
        home.handle(register(contact, call_id=instance), f"nat-{instance}", "1001", 0.0)
    return [binding for _, binding in home.export(0.0)]


def test_contact_without_an_instance_replaces_no_other() -> None:
    home = registrar()
    home.handle(register(DESK), "f1", "1001", 0.0)
    home.handle(register(SOFT, call_id="b"), "f2", "1001", 1.0)
    assert len(home) == 2


def test_same_contact_over_another_flow_is_reached_there() -> None:
    home = registrar()
    home.handle(register(DESK), "f1", "1001", 0.0)
    reply = home.handle(register(DESK, cseq=2), "f2", "1001", 1.0)
    assert [type(change) for change in reply.changes] == [Refreshed]
    assert [binding.flow for binding in home.contacts("1001", 1.0)] == ["f2"]


def test_what_expired_before_a_request_is_told_with_it() -> None:
    home = registrar()
    home.handle(register(DESK), "f", "1001", 0.0)
    reply = home.handle(register(DESK, cseq=2), "f", "1001", 1000.0)
    assert [type(change) for change in reply.changes] == [Expired, Registered]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["1001", "1002"]),
        st.lists(st.integers(0, 5), min_size=0, max_size=3, unique=True),
        st.sampled_from([0, 30, 60, 200, 5000]),
        st.integers(0, 100),
    ),
    max_size=25,
)


@given(STEPS)
def test_state_is_the_fold_of_the_changes(steps: list[tuple[str, list[int], int, int]]) -> None:
    home, now = registrar(), 0.0
    seen: dict[tuple[str, str], Binding[str]] = {}
    for serial, (user, phones, expires, pause) in enumerate(steps, 1):
        now += pause
        request = register(*[f"<sip:p{n}@h>" for n in phones], cseq=serial, expires=expires, to=f"<sip:{user}@h>")
        for change in home.handle(request, "f", user, now).changes:
            key = (change.user, str(change.binding.contact.uri))
            match change:
                case Registered():
                    assert key not in seen
                    seen[key] = change.binding
                case Refreshed():
                    assert key in seen
                    seen[key] = change.binding
                case Unregistered() | Expired():
                    assert seen.pop(key) == change.binding
        for owner in ("1001", "1002"):
            live = home.contacts(owner, now)
            assert {(owner, uri) for uri in uris(live)} == {key for key in seen if key[0] == owner}
            assert len(live) <= SETTINGS.contacts_max
        assert home.next_deadline() == min((binding.expires_at for binding in seen.values()), default=None)


def test_exported_bindings_are_the_same_after_a_restart() -> None:
    before, after = registrar(), registrar()
    before.handle(register(DESK, f"{SOFT};q=0.5"), "udp-1", "1001", 100.0)
    restored = after.restore(before.export(200.0), 200.0)
    assert kinds(restored) == [(Registered, "sip:1001@10.0.0.5:5062"), (Registered, "sip:1001@10.0.0.9")]
    assert after.contacts("1001", 200.0) == before.contacts("1001", 200.0)
    assert after.next_deadline() == 700.0
    assert kinds(after.handle_deadline(700.0)) == [(Expired, str(change.binding.contact.uri)) for change in restored]


def test_refresh_of_a_restored_binding_keeps_the_order_of_registers() -> None:
    before, after = registrar(), registrar()
    before.handle(register(DESK, cseq=5), "udp-1", "1001", 100.0)
    after.restore(before.export(200.0), 200.0)
    assert after.handle(register(DESK, cseq=5), "udp-1", "1001", 210.0).status == 500
    assert [type(each) for each in after.handle(register(DESK, cseq=6), "udp-1", "1001", 220.0).changes] == [Refreshed]


def test_expired_bindings_are_neither_exported_nor_restored() -> None:
    before, after = registrar(), registrar()
    before.handle(register(DESK), "udp-1", "1001", 100.0)
    kept = before.export(699.9)
    assert before.export(700.0) == ()
    assert after.restore(kept, 700.0) == ()
    assert (len(after), after.next_deadline()) == (0, None)


def test_restored_binding_gives_way_to_what_the_phone_registered_since() -> None:
    before, after = registrar(), registrar()
    before.handle(register(DESK), "old", "1001", 100.0)
    after.handle(register(DESK, call_id="later"), "new", "1001", 200.0)
    assert after.restore(before.export(200.0), 200.0) == ()
    [binding] = after.contacts("1001", 200.0)
    assert binding.flow == "new"


def test_restored_bindings_obey_the_limits() -> None:
    many = [f"<sip:1001@10.0.0.{host}>" for host in range(1, 6)]
    wide = Registrar[str](RegistrarSettings(expires_max_s=90_000, contacts_max=8))
    wide.handle(register(*many, expires=90_000), "udp-1", "1001", 0.0)
    after = registrar()
    assert len(after.restore(wide.export(10.0), 10.0)) == SETTINGS.contacts_max
    assert {binding.expires_at for binding in after.contacts("1001", 10.0)} == {10.0 + SETTINGS.expires_max_s}


def test_is_registered_until_the_last_binding_runs_out() -> None:
    home = registrar()
    assert not home.is_registered("1001", 0.0)
    home.handle(register(f"{DESK};expires=120", SOFT, expires=300), "f", "1001", 0.0)
    assert home.is_registered("1001", 299.0)
    assert not home.is_registered("1001", 300.0)
    assert not home.is_registered("1002", 0.0)


@pytest.mark.parametrize("now", [0.1, 2106.053351110693, 62321.630803521046])
def test_granted_time_is_what_was_asked_for_whatever_the_clock_says(now: float) -> None:
    assert listed(registrar().handle(register(DESK, expires=3600), "udp-1", "1001", now)) == [f"{DESK};expires=3600"]


def test_time_left_of_another_contact_is_never_rounded_up() -> None:
    home = registrar()
    home.handle(register(DESK, expires=60), "udp-1", "1001", 0.0)
    assert listed(home.handle(register(cseq=2), "udp-1", "1001", 10.4)) == [f"{DESK};expires=49"]
    assert listed(home.handle(register(cseq=3), "udp-1", "1001", 59.5)) == [f"{DESK};expires=1"]
