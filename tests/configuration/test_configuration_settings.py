"""The operator's settings: every error names its place, the environment wins, the rooms get what was read."""

import re
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from acdcore.calls.trunks.capacity import TrunkCapacitySettings, WhenFull
from acdcore.calls.trunks.trunks import InboundRoute, Trunk
from acdcore.configuration.settings import SCHEMA, Settings, load
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.mistakes import keys_of
from acdcore.kernel.setting_types import FORMS
from acdcore.queues.settings import OverflowCause, OverflowRule, Strategy, ToAnnouncement, ToExternalNumber, ToQueue

CONFIG = Path(__file__).parents[2] / "config"
TRUNK = '[trunks.carrier]\naddresses = ["198.51.100.0/24"]\n'


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    file = tmp_path / "acdcore.toml"
    file.write_text(text, "utf-8")
    return load(file, environment)


def refused(tmp_path: Path, text: str, **environment: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text, **environment)
    return caught.value


def test_packaged_settings_are_good() -> None:
    settings = load(CONFIG / "acdcore.toml", {})
    assert settings.queues
    assert settings.trunks


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings()


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("[sip]\nudp_port = 70000", "sip.udp_port", "less than or equal to 65535"),
        ("[sip]\nudp_prot = 1", "sip.udp_prot", "not a key that belongs here"),
        ("[spi]\nudp_port = 1", "spi", "not a key that belongs here"),
        ('[sip]\naddress = "phone.example.com"', "sip.address", "IPv4"),
        ('[sip]\naddress = "0.0.0.0"', "sip.address", "interface's own"),
        ('[sip]\nrealm = ""', "sip.realm", "at least 1 character"),
        ('[media]\naddress = "0.0.0.0"', "media.address", "interface's own"),
        ("[media]\nfirst_port = 20001", "media.first_port", "multiple of 2"),
        ("[media]\nfirst_port = 30000\nlast_port = 20000", "media", "no pair of ports"),
        ("[media]\nlost_after_s = 1", "media.lost_after_s", "greater than or equal to 5"),
        ('[trunks.agents]\nuser = "x"\npassword = "1"', "", "no trunk can be called agents"),
        (
            '[trunks.a]\nuser = "x"\npassword = "1"\n[trunks.b]\nuser = "x"\npassword = "2"',
            "",
            "trunks a and b have the same user x",
        ),
        ("[media]\nlost_after_s = inf", "media.lost_after_s", "less than or equal to 3600"),
        ("[recording]\nmin_free_mb = 0", "recording.min_free_mb", "greater than or equal to 1"),
        ("[trunk_capacity]\nlimit = 0", "trunk_capacity.limit", "greater than or equal to 1"),
        ('[trunk_capacity]\nwhen_full = "silence"', "trunk_capacity.when_full", "announcement"),
        ('[trunk_capacity]\nwhen_full = "redirect"', "trunk_capacity", "needs redirect_to"),
        ('[trunk_capacity]\nredirect_to = "100"', "trunk_capacity.redirect_to", "write a SIP address"),
        ("[trunks.carrier]\ncapacity = 5", "trunks.carrier", "nobody could use it"),
        ('[trunks.carrier]\nuser = "a"', "trunks.carrier", "user without password"),
        (TRUNK + 'name = "other"', "trunks.carrier.name", "not a key that belongs here"),
        (
            TRUNK + '[trunks.carrier.routes]\n1 = { flow = "a", dialled = "2" }',
            "trunks.carrier.routes.1.dialled",
            "flows",
        ),
        ("trunks = 3", "trunks", "is not a table"),
        ("[trunks]\ncarrier = 3", "trunks.carrier", "is not a table"),
        (TRUNK + "routes = 3", "trunks.carrier.routes", "is not a table"),
        (TRUNK + 'country = "ZZ"', "trunks.carrier.country", "there is no country ZZ"),
        (TRUNK + 'area_code = "+755"', "trunks.carrier.area_code", "write an area code"),
        (TRUNK + 'caller_id = "sales"', "trunks.carrier.caller_id", "is no telephone number; write it as in"),
        (TRUNK + 'caller_id = "12345678901"', "trunks.carrier.caller_id", "is no telephone number; write it as in"),
        (TRUNK + 'number_form = "+86"', "trunks.carrier.number_form", "national"),
        (TRUNK + 'from_domain = "a b"', "trunks.carrier.from_domain", "write "),
        (
            TRUNK + 'routes = { "02088880000" = { flow = "a" }, "+862088880000" = { flow = "b" } }',
            "trunks.carrier",
            "routes 02088880000 and +862088880000 are for one number",
        ),
        ('[queues.service]\ncaller_id = "sales"', "queues.service.caller_id", "is no telephone number"),
        ('[callbacks]\nnumbers = ["1234567890123456"]', "callbacks.numbers.0", "write "),
        (TRUNK + 'digest_algorithms = ["MD5"]', "trunks.carrier", "digest_algorithms without user"),
        ('[sip]\ndigest_algorithms = ["SHA-1"]', "sip.digest_algorithms.0", "SHA-256"),
        ('[sip]\ndigest_algorithms = ["MD5", "MD5"]', "sip.digest_algorithms", "names an algorithm twice"),
        ("[sip]\ndigest_algorithms = []", "sip.digest_algorithms", "at least 1 item"),
        (TRUNK + "may_dial_out = true", "trunks.carrier", "needs target"),
        (TRUNK + 'target = "carrier.example.com"', "trunks.carrier.target", "write "),
        (TRUNK + 'target = "sip:carrier.example.com"', "trunks.carrier", "needs an IP address"),
        (
            '[trunks.carrier]\naddresses = ["198.51.100.7/24"]',
            "trunks.carrier.addresses.0",
            "host bits set",
        ),
        ("[trunks.carrier]\naddresses = [7]", "trunks.carrier.addresses.0", "write it as"),
        (TRUNK + '[trunks.carrier.routes]\n1 = { calendar = "x" }', "trunks.carrier.routes.1.flow", "required"),
        ('[queues.service]\nstrategy = "random"', "queues.service.strategy", "longest_idle"),
        ("[queues.service]\nring_for_s = -1", "queues.service.ring_for_s", "greater than or equal to 0"),
        ("[queues.service.overflow]\nwait = {}", "queues.service.overflow.wait", "exactly one of"),
        (
            '[queues.service.overflow]\nwait = { queue = "a", external_number = "1" }',
            "queues.service.overflow.wait",
            "exactly one of",
        ),
        ('log = "loud"', "log", "debug"),
        (
            "[[queues.service.rules]]\ntiers = [1]\nskills = { a = 1 }",
            "queues.service.rules.0.tiers.0",
            "is not a text",
        ),
        ('[[queues.service.rules]]\ntiers = ["vip"]', "queues.service.rules.0.skills", "required"),
        ("[[queues.service.widening]]\nafter = 3\nskills = { a = 1 }", "queues.service.widening.0.after", "after_s?"),
        ("[queues.service.sticky]\nfor_s = -1", "queues.service.sticky.for_s", "greater than or equal to 0"),
        ('[queues.service.overflow]\nsometime = { queue = "a" }', "queues.service.overflow.sometime", "nobody_ready"),
        ("[callbacks]\nmax_attempt = 3", "callbacks.max_attempt", "correct its spelling: max_attempts?"),
        ("[callbacks]\nmax_attempts = 0", "callbacks.max_attempts", "greater than or equal to 1"),
        ("[callbacks]\nretry_after_s = []", "callbacks.retry_after_s", "at least 1 item"),
        ("[callbacks]\nretry_after_s = [60, 0]", "callbacks.retry_after_s.1", "greater than 0"),
        ("callbacks = 3", "callbacks", "is not a table"),
        ("[retention]\nrecordings_days = -1", "retention.recordings_days", "greater than or equal to 0"),
        ('[regions.south]\nprefix = ["0755"]', "regions.south.prefix", "correct its spelling: prefixes?"),
        ('[services.orders]\nmethod = "GET"', "services.orders.url", "required"),
        ('[services.orders]\nurl = "orders"', "services.orders.url", "write an HTTP address"),
        ("[screening.repeats]\nwithin_s = 60\nblock_for_s = 60", "screening.repeats.calls", "required"),
        (
            "[screening.repeats]\ncalls = 101\nwithin_s = 60\nblock_for_s = 60",
            "screening.repeats.calls",
            "less than or equal to 100",
        ),
        ('[notices]\nto = ["desk@example.org"]', "notices", "to needs smtp"),
        ('[notices]\nsmtp = "mail.example.org:70000"', "notices", "smtp names a port above 65535"),
        ('[notices]\nto = ["desk"]', "notices.to.0", "write an address alone"),
        ('[recognition]\nengine = "http"', "recognition", "needs url"),
        ('[recognition]\ntranscripts = "all"', "recognition", "transcripts needs engine"),
        ('[recognition]\nengine = "sphinx"', "recognition.engine", '"whisper"'),
        ('[recording]\nbegins = "ringing"', "recording.begins", '"answer" or "talk"'),
        ("[security]\nban_max_s = 10", "security", "bans grow from the first to the longest"),
        ("[security]\nknown_networks = [7]", "security.known_networks.0", "write it as"),
    ],
)
def test_error_names_file_key_and_what_is_wrong(tmp_path: Path, text: str, key: str, problem: str) -> None:
    error = refused(tmp_path, text)
    assert (error.file, error.key) == (str(tmp_path / "acdcore.toml"), key)
    assert problem in error.problem
    assert "\n" not in str(error)


def test_file_that_is_not_there_is_named_with_the_way_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read: .*--config"):
        load(tmp_path / "absent.toml", {})


@pytest.mark.parametrize("content", [b"[sip", b"\xff\xfe", b"sip = 1\nsip = 2"])
def test_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"acdcore\.toml: is not TOML"):
        load(file, {})


# --- the environment ---


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "[sip]\nudp_port = 5060\n" + TRUNK,
        ACDCORE_SIP__UDP_PORT="5070",
        ACDCORE_RECORDING__IS_ON="false",
        ACDCORE_LOG="debug",
        ACDCORE_TRUNKS__CARRIER__CAPACITY="7",
        ACDCORE_STORAGE__DSN="postgresql://user:secret@host/database",
        PATH="/bin",
    )
    assert settings.sip.udp_port == 5070
    assert not settings.recording.is_on
    assert settings.log == "debug"
    assert settings.trunks["carrier"].capacity == 7
    assert settings.storage.dsn == "postgresql://user:secret@host/database"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ACDCORE_SIP__UDP_PORT", "many", "whole number"),
        ("ACDCORE_SIP__UDP_PROT", "5060", "not a key that belongs here"),
        ("ACDCORE_SPI__UDP_PORT", "5060", "not a key that belongs here"),
        ("ACDCORE_SIP", "5060", "not a table"),
        ("ACDCORE_SIP__REALM__X", "a", "is not a section"),
        ("ACDCORE_TRUNK_CAPACITY__WHEN_FULL", "redirect", "needs redirect_to"),
        ("ACDCORE_TRUNKS__CARRIER__ADDRESSES", "198.51.100.0/24", "list"),
    ],
)
def test_error_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, problem: str) -> None:
    error = refused(tmp_path, '[sip]\nrealm = "x"\n' + TRUNK, **{name: value})
    assert error.file == name
    assert problem in error.problem.lower().replace("valid ", "")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = read(
        tmp_path, TRUNK + 'user = "u"\npassword = "hidden"\n', ACDCORE_STORAGE__DSN="postgresql://u:hidden@h/d"
    )
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(tuple(settings.trunks.values()))


# --- what the rooms get ---


def test_rooms_get_what_the_file_says(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        """
        [trunk_capacity]
        limit = 20
        reserve = 2
        when_full = "redirect"
        redirect_to = "sip:100@192.0.2.9"

        [trunks.carrier]
        addresses = ["198.51.100.0/24"]
        capacity = 5
        target = "sip:198.51.100.1:5060;transport=tcp"
        may_dial_out = true
        [trunks.carrier.routes]
        95500 = { flow = "hotline", calendar = "office", closed_flow = "night" }
        "*" = { flow = "other" }

        [queues.service]
        skills = { service = 2 }
        strategy = "fewest_calls"
        max_wait_s = 60
        max_length = 5
        [queues.service.overflow]
        wait = { queue = "sales" }
        length = { announcement = "system.closed" }
        nobody_logged_in = { external_number = "02155500" }
        [queues.sales]
        """,
    )
    assert settings.trunk_capacity == TrunkCapacitySettings(
        20, 2, WhenFull.REDIRECT, "system.lines-busy", "sip:100@192.0.2.9"
    )
    target = "sip:198.51.100.1:5060;transport=tcp"
    assert [replace(trunk, routes={}) for trunk in settings.trunks.values()] == [
        Trunk("carrier", (ip_network("198.51.100.0/24"),), 5, target=target, may_dial_out=True),
    ]
    assert settings.routes() == (
        InboundRoute("carrier", "95500", "hotline", "office", "night"),
        InboundRoute("carrier", "*", "other"),
    )
    service, sales = settings.dispatcher_settings().queues
    assert (service.name, service.skills, service.strategy) == ("service", {"service": 2}, Strategy.FEWEST_CALLS)
    assert (service.max_wait_s, service.max_length, sales.max_wait_s) == (60.0, 5, None)
    assert service.overflow == (
        OverflowRule(OverflowCause.WAIT, ToQueue(sales.name)),
        OverflowRule(OverflowCause.LENGTH, ToAnnouncement("system.closed")),
        OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToExternalNumber("02155500")),
    )


def test_trunk_may_be_sent_audio_where_its_descriptions_say_though_it_sends_from_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text('[trunks.carrier]\naddresses = ["198.51.100.0/24"]\nsymmetric_rtp = false\n')
    (trunk,) = load(file, {}).trunks.values()
    assert not trunk.symmetric_rtp


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("sip:198.51.100.1;transport=tls", "needs a transport that is spoken here"),
        ("sip:198.51.100.1;transport=ws", "needs a transport that is spoken here"),
        ("sip:[2001:db8::1]", "cannot be reached from sip.address"),
    ],
)
def test_target_that_no_socket_of_ours_can_reach_is_refused(tmp_path: Path, target: str, problem: str) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text(f'[trunks.carrier]\naddresses = ["198.51.100.0/24"]\ntarget = "{target}"\n')
    with pytest.raises(SettingsError, match=problem):
        load(file, {})


@pytest.mark.parametrize("password", ["[1]", "{a = 1}", "[abc", "plain"])
def test_password_from_the_environment_is_taken_as_it_is(tmp_path: Path, password: str) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text('[trunks.carrier]\nuser = "us"\n')
    settings = load(file, {"ACDCORE_TRUNKS__CARRIER__PASSWORD": password})
    assert settings.trunks["carrier"].password == password


def test_list_from_the_environment_is_written_as_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text('[trunks.carrier]\naddresses = ["10.0.0.0/8"]\n')
    settings = load(file, {"ACDCORE_TRUNKS__CARRIER__ADDRESSES": '["192.0.2.0/24"]'})
    assert [str(network) for network in settings.trunks["carrier"].addresses] == ["192.0.2.0/24"]


def test_md5_alone_is_offered_unless_realm_or_trunk_say_otherwise(tmp_path: Path) -> None:
    assert Settings().sip.digest_algorithms == ("MD5",)
    text = '[sip]\ndigest_algorithms = ["SHA-256", "MD5"]\n[trunks.a]\nuser = "u"\npassword = "p"\n'
    settings = read(tmp_path, text + 'digest_algorithms = ["SHA-256"]\n[trunks.b]\nuser = "v"\npassword = "p"\n')
    assert settings.sip.digest_algorithms == ("SHA-256", "MD5")
    assert [trunk.digest_algorithms for trunk in tuple(settings.trunks.values())] == [("SHA-256",), ()]


def test_toml_is_read_in_one_place() -> None:
    package = CONFIG.parent / "src" / "acdcore"
    readers = [
        file for file in package.rglob("*.py") if re.search(r"^\s*(import|from) tomllib", file.read_text(), re.M)
    ]
    assert readers == [package / "kernel" / "toml_file.py"]


def test_no_section_is_a_model_beside_the_dataclass_that_uses_it() -> None:
    sections = [kind for _, kind in tables_below(Settings)]
    assert len(sections) > 20
    assert [kind for kind in sections if not is_dataclass(kind)] == []


def tables_below(table: type) -> Iterator[tuple[str, type]]:
    """Each table that the settings may have, by its key."""
    for key, kind in keys_of(table).items():
        for part in parts_of(kind):
            if isinstance(part, type) and (is_dataclass(part) or issubclass(part, BaseModel)):
                yield str(key), part
                yield from tables_below(part)


def parts_of(kind: object) -> Iterator[object]:
    """A type with all types in it."""
    yield kind
    for inner in get_args(kind):
        yield from parts_of(inner)


def patterns_of(schema: object) -> Iterator[str]:
    """Every pattern in a JSON schema, of values and of keys."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        yield from schema.get("patternProperties", {})
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from patterns_of(each)


def test_each_pattern_is_told_as_what_to_write() -> None:
    assert set(patterns_of(SCHEMA.json_schema())) == set(FORMS)


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[callbacks]\nnumbers = ["abroad"]', "callbacks.numbers.0", 'as in "138" or "+852"'),
        ('[trunks.carrier]\ntarget = "carrier"', "trunks.carrier.target", 'as in "sip:192.0.2.10:5060"'),
        ('[notices]\nsmtp = "mail.example"', "notices.smtp", 'as in "mail.example.org:587"'),
        ('[trunks.carrier]\naddresses = "198.51.100.0/24"', "trunks.carrier.addresses", "write it in brackets"),
    ],
)
def test_value_of_the_wrong_form_is_refused_with_the_right_one(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    error = refused(tmp_path, text)
    assert error.key == key
    assert remedy in error.problem
    assert "pattern" not in error.problem
