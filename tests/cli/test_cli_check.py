"""`acdcore check`: a table of mistakes as people make them, and the one line that each is answered with.

Each row changes one file of the packaged configuration and names what the line must say: the file, the key, what stands
there and what to do. A mistake that a start trips over is said once, with status 1; what callers would suffer from is a
warning.
"""

import re
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from acdcore.__main__ import cli
from acdcore.cli.support.console import plain_errors
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.voices import CHOSEN, SpeechEngine

CONFIG = Path(__file__).parents[2] / "config"
SETTINGS, AGENTS, CUSTOMERS = "acdcore.toml", "agents.toml", "customers.toml"
CALENDARS, FLOW, SYSTEM = "calendars.toml", "ivr/hotline.toml", "prompts/system.toml"
FILES = (SETTINGS, AGENTS, CUSTOMERS, CALENDARS, FLOW, SYSTEM)
VOICES = "".join(f'[voice.{language.value}]\nengine = "http"\nname = "alloy"\n' for language in Language)
VOICES += '[voice.http]\nurl = "http://127.0.0.1:9/v1/audio/speech"\n'
FOREIGN = "192.0.2.77"
"""RFC 5737: no machine has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `acdcore check` said."""

    status: int
    lines: list[str]

    @property
    def problems(self) -> list[str]:
        """Without the line that says that all is good."""
        return [line for line in self.lines if " is good; " not in line]


@pytest.fixture
def config_dir(packaged: Path) -> Path:
    """The same with voices of a server, without which there is a note at least of Cantonese."""
    file = packaged / SETTINGS
    file.write_text(file.read_text("utf-8") + VOICES, "utf-8")
    return packaged


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """The packaged configuration on ports of its own, without a country, whose holidays take long to work out."""
    home = tmp_path / "config"
    shutil.copytree(CONFIG, home)
    for port in ("udp_port = 5060", "tcp_port = 5060", "port = 8080"):
        change(home, SETTINGS, f"\n{port}", f"\n{port.partition(' = ')[0]} = 0")
    change(home, SETTINGS, 'directory = "var"', f'directory = "{tmp_path}/var"')
    change(home, SETTINGS, 'directory = "var/recordings"', f'directory = "{tmp_path}/recordings"')
    change(home, CALENDARS, 'country = "CN"', "")
    return home


def change(home: Path, file: str, was: str, becomes: str) -> None:
    text = (home / file).read_text("utf-8")
    assert was in text, f"{file} has no {was}"
    (home / file).write_text(text.replace(was, becomes, 1), "utf-8")


def check(home: Path, *options: str) -> Answer:
    result = CliRunner().invoke(cli, ["check", "--config", str(home / SETTINGS), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Answer(result.exit_code, result.output.replace(f"{home}/", "").splitlines())


def test_packaged_configuration_passes_the_strictest_check_with_a_note_of_its_cantonese_alone(packaged: Path) -> None:
    answer = check(packaged, "--strict")
    assert answer.status == 0
    espeak = [language for language in Language if CHOSEN[language].engine is SpeechEngine.ESPEAK]
    assert [note.split(":")[3].strip() for note in answer.problems] == [f"voice.{one.value}" for one in espeak]
    note = next(one for one in answer.problems if "voice.yue" in one)
    assert note.startswith("acdcore: note: acdcore.toml: voice.yue: callers of the flow ")
    assert "can choose Cantonese, which only espeak reads, and which they hardly understand; have its" in note
    assert 'recorded (acdcore prompts export), or set engine = "http" in [voice.yue]' in note
    assert answer.lines[-1].endswith(", notes: 1")


def test_configuration_with_a_voice_for_every_language_has_neither_mistakes_nor_warnings(config_dir: Path) -> None:
    answer = check(config_dir, "--strict")
    assert (answer.status, answer.problems) == (0, [])
    assert "warnings" not in answer.lines[-1] and "notes" not in answer.lines[-1]


def test_warning_beside_a_note_fails_the_strict_check(packaged: Path) -> None:
    change(packaged, SETTINGS, "[queues.sales]", "[queues.spare]\n[queues.sales]")
    answer = check(packaged, "--strict")
    assert answer.status == 1
    # without the natural voice there are more: a warning says that espeak reads the new queue's title
    assert re.search(r", warnings: [1-9], notes: 1$", answer.lines[-1])


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "voice-key: cannot be read: No such file or directory; put the voice server's key there"),
        ("sk-1", 0o644, "voice-key: is open to others than its owner; chmod 600 voice-key"),
        ("", 0o600, "voice-key: holds no key; write the voice server's key into it, alone on one line"),
    ],
)
def test_key_of_the_voice_server_is_looked_at(config_dir: Path, content: str | None, mode: int, said: str) -> None:
    change(config_dir, SETTINGS, "[voice.http]\n", '[voice.http]\nkey_file = "voice-key"\n')
    if content is not None:
        (config_dir / "voice-key").write_text(content)
        (config_dir / "voice-key").chmod(mode)
    answer = check(config_dir)
    assert (answer.status, answer.problems) == (1, [f"acdcore: {said}"])


# --- encodings and files ---


def _byte_order_mark(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())


def _windows_line_ends(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def _tabs(file: Path) -> None:
    file.write_bytes(re.sub(rb"(?m)^(?=[a-z])", b"\t", file.read_bytes()))


def _utf_16(file: Path) -> None:
    file.write_bytes(file.read_text("utf-8").encode("utf-16"))


def _gbk(file: Path) -> None:
    file.write_bytes((file.read_text("utf-8") + "# 客户服务热线\n").encode("gb18030"))


def _latin_1(file: Path) -> None:
    file.write_bytes(file.read_bytes() + "# Käse, déjà vu\n".encode("latin-1"))


def _binary(file: Path) -> None:
    file.write_bytes(bytes(range(256)))


def _old_macintosh(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r"))


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("written", [_byte_order_mark, _windows_line_ends, _tabs])
def test_file_as_editors_leave_it_is_read(config_dir: Path, file: str, written: Callable[[Path], None]) -> None:
    written(config_dir / file)
    assert check(config_dir).problems == []


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("written", "said"),
    [
        (_utf_16, "is in UTF-16; save it as UTF-8"),
        (_gbk, "is in GBK (Chinese, as old Windows programs write it); save the file as UTF-8"),
        (_latin_1, "is in another encoding, such as Latin-1 or Windows-1252; save the file as UTF-8"),
        (_binary, "zero bytes"),
        (_old_macintosh, "save the file with line ends of Unix or Windows"),
        (_directory, "is a directory, not a file"),
    ],
)
def test_file_that_cannot_be_read_is_named_with_the_remedy(
    config_dir: Path, file: str, written: Callable[[Path], None], said: str
) -> None:
    written(config_dir / file)
    answer = check(config_dir)
    assert answer.status == 1
    (line,) = answer.problems
    assert line.startswith(f"acdcore: {file}: ")
    assert said in line


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (SETTINGS, "acdcore.toml: queues: there is no queue; add [queues.NAME]"),
        (CALENDARS, "acdcore.toml: trunks.local.routes.95500: there is no calendar always; there are none"),
    ],
)
def test_empty_file_is_one_mistake(config_dir: Path, file: str, said: str) -> None:
    (config_dir / file).write_text("")
    (line,) = check(config_dir).problems
    assert said in line


def test_prompts_of_an_earlier_version_are_a_warning_that_names_file_and_keys(config_dir: Path) -> None:
    change(config_dir, SYSTEM, "[prompts.place]", "[prompts.position]")
    change(config_dir, SYSTEM, "第{position}位", "第")
    change(config_dir, SYSTEM, "第{position}位", "第")
    change(config_dir, SYSTEM, "number {position} in", "number in")
    answer = check(config_dir)
    assert answer.status == 0
    lacking, former = answer.problems
    assert "prompts/system.toml: lacks prompts.place; the shipped texts are used: copy them from" in lacking
    assert (
        "prompts/system.toml: prompts.position: no longer used, because whole sentences replaced them; remove them"
        in former
    )


def test_files_beside_settings_that_cannot_be_read_are_judged_too(config_dir: Path) -> None:
    (config_dir / SETTINGS).write_text("[sip")
    change(config_dir, AGENTS, "service = 9", "service = 10")
    change(config_dir, FLOW, "retries = 2", "retrys = 2")
    assert [line.split(": ")[1] for line in check(config_dir).problems] == [SETTINGS, FLOW, AGENTS]


# --- mistakes that a start trips over ---

RULE = "strategy ="
MISTAKES: list[tuple[str, str, str, str]] = [
    # TOML itself
    (SETTINGS, 'realm = "acdcore"', "realm = “acdcore”", 'line 9 has “, which only looks like "; type it without'),
    (SETTINGS, "limit = 150", "limit = １５０", "has １, which only looks like 1; type it without the input method"),
    (SETTINGS, "limit = 150", "limit ＝ 150", "has ＝, which only looks like =; type it without the input method"),
    (SETTINGS, "tcp_port = 0", "udp_port = 0", "line 8 (udp_port = 0) gives a key a second time; keep one of both"),
    (SETTINGS, "[queues.service.overflow]", "[sip]", ") opens a section a second time; put all its keys under one h"),
    (SETTINGS, "is_on = true", "is_on = True", "has no value that TOML knows; put text in quotes, write true or false"),
    (SETTINGS, "max_wait_s = 300", "max_wait_s = 5m", "(max_wait_s = 5m) goes on after its value; put text in quotes"),
    (SETTINGS, "max_wait_s = 300", "max_wait_s 300", "(max_wait_s 300) has no = after the key; write key = value"),
    (SETTINGS, "max_wait_s = 300", "max_wait_s =", "(max_wait_s =) has no value that TOML knows"),
    (SETTINGS, '"acdcore" ', '"acdcore ', "begins a text without a quote at its end"),
    (SETTINGS, '["127.0.0.0/8"]', '["127.0.0.0/8"', "begins a list without a ] at its end"),
    (SETTINGS, "[media]", "[media", "is a heading without its end; write [section]"),
    (SETTINGS, "[media]", "media:", "(media:) has no = after the key"),
    (SETTINGS, 'dsn = ""', 'dsn = "C:\\dir"', "has a single \\ in a text; write \\\\"),
    (SETTINGS, 'dsn = ""', 'dsn = "top secret', "(dsn = ...) begins a text without a quote at its end"),
    (AGENTS, "[[agents]]", "[agents]", "([[agents]]) adds one more to what began as a single table; write [[ ]] each"),
    # keys
    (
        SETTINGS,
        "[media]",
        "[medai]",
        "medai: is not a key that belongs here; remove it or correct its spelling: media?",
    ),
    (
        SETTINGS,
        "ring_for_s = 15",
        "ring_for = 15",
        "queues.service.ring_for: is not a key that belongs here; remove it",
    ),
    (SETTINGS, "ring_for_s = 15", "ring_for = 15", "correct its spelling: ring_for_s?"),
    (
        SETTINGS,
        "udp_port",
        "udp-port",
        "sip.udp-port: is not a key that belongs here; remove it or correct its spelling: u",
    ),
    (SETTINGS, "wait = { queue", "waits = { queue", 'sales.overflow.waits: "waits" is not known here; write "wait", '),
    (
        AGENTS,
        "skills = { service = 9",
        "skill = { service = 9",
        "agents.0.skill: is not a key that belongs here; remove",
    ),
    (
        AGENTS,
        "[[agents]]",
        "[[agent]]",
        "agent: is not a key that belongs here; remove it or correct its spelling: agents?",
    ),
    (AGENTS, 'name = "座席 1001"\n', "", "agents.0.name: is required, but missing; add it"),
    (
        CALENDARS,
        'mon = ["09:00-18:00"]',
        'monday = ["09:00-18:00"]',
        "calendars.office.monday: is not a key that belongs",
    ),
    (
        FLOW,
        "retries = 2",
        "retrys = 2",
        "nodes.main.retrys: is not a key that belongs here; remove it or correct its spel",
    ),
    (
        FLOW,
        "on_timeout",
        "on_timout",
        "nodes.main.on_timout: is not a key that belongs here; remove it or correct its s",
    ),
    (
        SYSTEM,
        "[prompts.agent-number]",
        "[prompts.agent_number]",
        "prompts.agent_number: is not a prompt of acdcore; rem",
    ),
    (SYSTEM, "第{position}位，", "第位，", "prompts.place.cmn: does not say its value; write {position} where it is"),
    # types
    (
        SETTINGS,
        "udp_port = 0",
        'udp_port = "x"',
        'sip.udp_port: "x" is not a whole number; write the port\'s number, as',
    ),
    (SETTINGS, "max_wait_s = 300", 'max_wait_s = "5m"', '"5m" is not a number; write seconds without a unit, as in 30'),
    (
        SETTINGS,
        "min_free_mb = 500",
        'min_free_mb = "1 GB"',
        '"1 GB" is not a whole number; write megabytes without a u',
    ),
    (
        SETTINGS,
        "limit = 150",
        "limit = 1.5",
        "trunk_capacity.limit: 1.5 is not a whole number; write digits only, as in 3",
    ),
    (SETTINGS, "is_on = true", 'is_on = "ja"', 'recording.is_on: "ja" is neither true nor false; write one of the two'),
    (SETTINGS, 'realm = "acdcore"', "realm = 5", 'sip.realm: 5 is not a text; write it in quotes, as in "5"'),
    (
        SETTINGS,
        "skills = { service = 1 }",
        'skills = ["service"]',
        "queues.service.skills: is not a table; write { key =",
    ),
    (
        SETTINGS,
        "skills = { service = 1 }",
        'skills = "service"',
        'skills: "service" is not a table; write { key = valu',
    ),
    (
        SETTINGS,
        'wait = { queue = "service" }',
        'wait = "service"',
        'sales.overflow.wait: "service" is not a table; wri',
    ),
    (
        SETTINGS,
        '["127.0.0.0/8"]',
        '"127.0.0.0/8"',
        'trunks.local.addresses: "127.0.0.0/8" is not a list; write it in b',
    ),
    (
        SETTINGS,
        'title = { cmn = "销售咨询", yue = "銷售查詢", en = "sales" }',
        'title = "x"',
        'sales.title: "x" is not a table',
    ),
    (
        AGENTS,
        'number = "1001"',
        "number = 1001",
        'agents.0.number: 1001 is not a text; write it in quotes, as in "1001"',
    ),
    (
        AGENTS,
        'number = "1001"',
        'number = "1001"\npassword = 1',
        "agents.0.password: is not a text; write it in quotes",
    ),
    (AGENTS, "service = 9", 'service = "9"', 'agents.0.skills.service: "9" is not a whole number; write digits only'),
    (
        AGENTS,
        '["cmn", "yue"]',
        '"cmn"',
        'agents.0.languages: "cmn" is not a list; write it in brackets, as in ["first"',
    ),
    (
        CUSTOMERS,
        '"13800000001", "02100000001"',
        "13800000001",
        "customers.0.numbers.0: 13800000001 is not a text; write",
    ),
    (
        CUSTOMERS,
        'member_number = "80000001"',
        "member_number = 80000001",
        "member_number: 80000001 is not a text; write",
    ),
    (CALENDARS, 'mon = ["09:00-18:00"]', 'mon = "09:00-18:00"', 'office.mon: "09:00-18:00" is not a list; write it in'),
    (
        CALENDARS,
        "[calendars.office]",
        '[calendars.office]\nholidays = ["1.10."]',
        '"1.10." is not a day of the calendar; wr',
    ),
    (
        CALENDARS,
        "[calendars.office]",
        "[calendars.office]\nspecial.2026-02-27 = 5",
        "special.2026-02-27: 5 cannot stand h",
    ),
    (FLOW, 'prompts = ["main"]', 'prompts = "main"', 'nodes.main.prompts: "main" is not a list; write it in brackets'),
    (FLOW, '9 = "main"', "9 = 5", 'nodes.main.keys.9: 5 is not a text; write it in quotes, as in "5"'),
    (
        FLOW,
        "timeout_s = 5.0",
        'timeout_s = "5s"',
        'nodes.main.timeout_s: "5s" is not a number; write seconds without a',
    ),
    (
        SYSTEM,
        "[prompts.agent-number]",
        '[prompts.agent-number]\nwav = ["x.wav"]',
        "agent-number.wav: cannot stand here; ",
    ),
    # bounds and forms
    (
        SETTINGS,
        "udp_port = 0",
        "udp_port = -1",
        "sip.udp_port: -1 is out of bounds; it must be greater than or equal to",
    ),
    (
        SETTINGS,
        "udp_port = 0",
        "udp_port = 70000",
        "sip.udp_port: 70000 is out of bounds; it must be less than or equal",
    ),
    (SETTINGS, "max_wait_s = 300", "max_wait_s = -300", "queues.service.max_wait_s: -300 is out of bounds; it must be"),
    (
        SETTINGS,
        "limit = 150",
        "limit = 0",
        "trunk_capacity.limit: 0 is out of bounds; it must be greater than or equal to 1",
    ),
    (
        SETTINGS,
        "skills = { service = 1 }",
        "skills = { service = 0 }",
        "queues.service.skills.service: 0 is not within 1",
    ),
    (SETTINGS, '"127.0.0.1"', '"localhost"', 'sip.address: "localhost" is not an IPv4 address; write one, as in'),
    (SETTINGS, '"127.0.0.1"', '"0.0.0.0"', "sip.address: peers are told this address; give the interface's own"),
    (
        SETTINGS,
        '["127.0.0.0/8"]',
        '["127.0.0.1/8"]',
        'addresses.0: 127.0.0.1/8 has host bits set; write it as "192.0.2',
    ),
    (
        SETTINGS,
        "# target = ",
        'target = "192.0.2.10:5060"\n# target = ',
        '"192.0.2.10:5060" cannot be written so; write a S',
    ),
    (SETTINGS, 'dsn = ""', 'dsn = "mysql://u@h/d"', "storage.dsn: is no address of a PostgreSQL server; write "),
    (SETTINGS, 'dsn = ""', 'dsn = "postgresql://u@h:x/d"', "storage.dsn: names a port that is none; write postgre"),
    (
        SETTINGS,
        '"longest_idle"',
        '"longest-idle"',
        'strategy: "longest-idle" is not known here; write "longest_idle", ',
    ),
    (
        SETTINGS,
        'cmn = "客户服务"',
        'zh = "客户服务"',
        'queues.service.title.zh: "zh" is not known here; write "cmn", "yue"',
    ),
    (
        SETTINGS,
        "last_port = 29999",
        "last_port = 19999",
        "media: no pair of ports lies between first_port and last_por",
    ),
    (
        SETTINGS,
        'wait = { queue = "service" }',
        "wait = { }",
        "sales.overflow.wait: give exactly one of queue, announcem",
    ),
    (
        AGENTS,
        '"cmn", "yue"',
        '"zh"',
        "agents.0.languages: 'zh' is not a language of flows; there are cmn (Mandarin),",
    ),
    (AGENTS, "service = 9", "service = 10", "agents.0.skills: service: level 10 is not one of 1 to 9"),
    (AGENTS, '"1002"', '"1001"', "agents.1.number: 1001 is given twice; two agents cannot have one number"),
    (AGENTS, '"1001"', '"１００１"', "agents.0.number: '１００１' cannot be an agent's number; use digits and letters"),
    (AGENTS, '"1001"', '"10 01"', "agents.0.number: '10 01' cannot be an agent's number; use digits and letters"),
    (
        AGENTS,
        '"1001"',
        '"1001"\nallowed_networks = ["10.0.0.1/8"]',
        "allowed_networks.0: 10.0.0.1/8 has host bits set; ",
    ),
    (AGENTS, '"1001"', '"1001"\ncaller_id = "abc"', "agents.0.caller_id: 'abc' is no telephone number; write it as in"),
    (
        CUSTOMERS,
        'tier = "vip"',
        'tier = "VIP"',
        'customers.0.tier: "VIP" is not known here; write "standard", "silver", ',
    ),
    (CUSTOMERS, 'language = "cmn"', 'language = "zh"', "customers.0.language: 'zh' is not a language of flows; "),
    (
        CUSTOMERS,
        '"13800000001", ',
        '"1380000abcd", ',
        "customers.0.numbers: '1380000abcd' is no telephone number: writ",
    ),
    (
        CUSTOMERS,
        "80000002",
        "80000001",
        "customers.1.member_number: 80000001 is given twice; keep it with one customer",
    ),
    (
        CALENDARS,
        'mon = ["09:00-18:00"]',
        'mon = ["09:00-25:00"]',
        "calendars.office.mon: '09:00-25:00' is not a span of",
    ),
    (
        CALENDARS,
        'mon = ["09:00-18:00"]',
        'mon = ["9:00-18:00"]',
        "'9:00-18:00' is not a span of hours; write it as \"09:",
    ),
    (
        CALENDARS,
        'mon = ["09:00-18:00"]',
        'mon = ["09：00－18：00"]',
        "'09：00－18：00' is not a span of hours; write it as",
    ),
    (
        CALENDARS,
        'mon = ["09:00-18:00"]',
        'mon = ["09:00-12:00", "11:00-13:00"]',
        "office.mon: two spans overlap; join th",
    ),
    (
        CALENDARS,
        '[calendars.office]\ntimezone = "Asia/Shanghai"',
        '[calendars.office]\ntimezone = "Beijing"',
        "no time zone",
    ),
    (
        CALENDARS,
        "[calendars.office]",
        '[calendars.office]\ncountry = "XX"',
        "country: there is no country XX in the table",
    ),
    (
        CALENDARS,
        "[calendars.office]",
        '[calendars.office]\nspecial.2026-02-30 = "closed"',
        '"2026-02-30" is not a day of ',
    ),
    (
        FLOW,
        'type = "menu"',
        'type = "menue"',
        'nodes.main: type "menue" is not known; write one of "play", "say", "menu"',
    ),
    (FLOW, 'type = "menu"\n', "", "nodes.main: has no type, which says what it is; add it"),
    (
        FLOW,
        '9 = "main"',
        'A = "main"',
        "nodes.main.keys.A: A is no such key on a telephone; use one of 0 to 9, * and #",
    ),
    (
        FLOW,
        'en = "Sorry, that is not a valid choice."',
        'en = ""',
        'prompts.invalid.en: "" is empty; it must have at lea',
    ),
    (
        FLOW,
        "[nodes.main]",
        "[nodes.Main]",
        'nodes.Main: "Main" cannot be written so; write a name of small letters, digi',
    ),
    # references
    (
        SETTINGS,
        'flow = "hotline"',
        'flow = "hotlin"',
        "routes.95500: there is no flow hotlin; there are callback, hotline",
    ),
    (
        SETTINGS,
        'calendar = "always"',
        'calendar = "allways"',
        "95500: there is no calendar allways; there are always, off",
    ),
    (
        SETTINGS,
        'closed_flow = "night"',
        'closed_flow = "night", flows = { spring-festval = "night" }',
        "flows.spring-festval: calendar always has no shift, holiday or special day spring-festval; it has day, night",
    ),
    (
        SETTINGS,
        'flow = "hotline", calendar = "always"',
        'flow = "hotline"',
        "routes.95500: has closed_flow but no calendar, which says when it is wanted; add calendar",
    ),
    (
        SETTINGS,
        'wait = { queue = "service" }',
        'wait = { queue = "servce" }',
        "there are sales, service; did you mean se",
    ),
    (
        SETTINGS,
        '"system.queue-overflow"',
        '"system.queue-overflw"',
        "service.overflow.wait: there is no prompt system.qu",
    ),
    (
        SETTINGS,
        RULE,
        f'music = "absent.wav"\n{RULE}',
        "queues.service.music: prompts/absent.wav cannot be read: No such",
    ),
    (
        SETTINGS,
        RULE,
        f'music = "system.toml"\n{RULE}',
        "queues.service.music: prompts/system.toml is not a WAV file (no",
    ),
    (
        FLOW,
        "[prompts.connecting]\n",
        '[prompts.connecting]\nwav = "a.wav"\n',
        "prompts.connecting.wav: prompts/a.wav can",
    ),
    (
        SYSTEM,
        "[prompts.wait-short]\n",
        '[prompts.wait-short]\nwav = "b.wav"\n',
        "prompts.wait-short.wav: prompts/b.wav cannot be read: No",
    ),
    (
        FLOW,
        'next = "choose-language"',
        'next = "choose-languge"',
        "greeting.next: there is no node choose-languge; name",
    ),
    (FLOW, 'start = "hours"', 'start = "hour"', "start: there is no node hour; name one of nodes; did you mean hours?"),
    (
        FLOW,
        "[prompts.connecting]",
        "[prompts.conecting]",
        "there is no prompt connecting; add [prompts.connecting]; did y",
    ),
    (
        FLOW,
        'queue = "service"',
        'queue = "servce"',
        "nodes.service.queue: there is no queue servce; there are: sales, ",
    ),
    (
        FLOW,
        'flow = "voicemail"',
        'flow = "voicemal"',
        "leave-message.flow: there is no flow voicemal; there are: callba",
    ),
    (
        FLOW,
        "silver = 30",
        "sliver = 30",
        "tier_priority_s.sliver: there is no tier sliver; there are: gold, silver, standar",
    ),
    (
        FLOW,
        "cases = { open",
        "cases = { opened",
        "nodes.hours.cases.opened: there is no case opened; there are: closed, holiday, open; did you mean ",
    ),
    (
        FLOW,
        'on_timeout = "goodbye"',
        'on_timeout = "goodby"',
        "nodes.hours-and-address.on_timeout: there is no node goodby; name one of nodes; did you mean goodbye?",
    ),
    (FLOW, '"announce_and_hang_up"', '"hangup"', '"announce_and_hang_up"; did you mean hang_up?'),
    (
        AGENTS,
        '[[agents]]\nnumber = "1002"',
        '[agents]\nnumber = "1002"',
        "([agents]) is one of several; write [[ ]] each time",
    ),
    # this machine
    (
        SETTINGS,
        '"127.0.0.1"',
        f'"{FOREIGN}"',
        f"sip.address: {FOREIGN} is not an address of this machine; name one of it",
    ),
    (
        SETTINGS,
        '[media]\naddress = "127.0.0.1"',
        f'[media]\naddress = "{FOREIGN}"',
        f"media.address: {FOREIGN} is not an",
    ),
    (
        SETTINGS,
        '[http]\naddress = "127.0.0.1"',
        f'[http]\naddress = "{FOREIGN}"',
        f"http.address: {FOREIGN} is not an ad",
    ),
    (
        SETTINGS,
        "udp_port = 0",
        "udp_port = 20100",
        "media.first_port: 20000-29999 covers sip.udp_port 20100, so audio and",
    ),
    (SETTINGS, 'directory = "', 'directory = "/dev/null/', "storage.directory: /dev/null/"),
    (
        SETTINGS,
        'directory = "',
        'directory = "/proc/',
        "cannot be made: No such file or directory; give it to the daemon's",
    ),
]


@pytest.mark.parametrize(("file", "was", "becomes", "said"), MISTAKES)
def test_mistake_is_one_line_that_says_where_what_and_what_to_do(
    config_dir: Path, file: str, was: str, becomes: str, said: str
) -> None:
    change(config_dir, file, was, becomes)
    answer = check(config_dir)
    assert answer.status == 1
    (line,) = answer.problems
    assert line.startswith(f"acdcore: {file}: ")
    assert said in line
    assert not re.search(r"pydantic|valid dictionary|\^|Traceback|[Ii]nput should", line)


def test_all_mistakes_of_all_files_are_reported_at_once(config_dir: Path) -> None:
    change(config_dir, SETTINGS, 'flow = "hotline"', 'flow = "hotlin"')
    change(config_dir, SETTINGS, "[queues.sales]", '[queues.sales]\nsurvey = "surwey"')
    change(config_dir, FLOW, 'queue = "sales"', 'queue = "sale"')
    change(config_dir, CALENDARS, 'mon = ["09:00-18:00"]\ntue = ["09:00-18:00"]', 'mon = ["9-18"]\ntue = ["9-18"]')
    change(config_dir, AGENTS, "service = 9", "service = 10")
    change(config_dir, CUSTOMERS, 'language = "yue"', 'language = "zh"')
    assert len(check(config_dir).problems) == 7


def test_secret_is_never_shown(config_dir: Path) -> None:
    change(config_dir, SETTINGS, 'dsn = ""', "dsn = 12345678")
    change(config_dir, AGENTS, 'number = "1001"', 'number = "1001"\npassword = 11223344')
    change(config_dir, SETTINGS, "[trunks.local]\n", '[trunks.local]\nuser = "u"\npassword = 87654321\n')
    text = "\n".join(check(config_dir).lines)
    assert "storage.dsn: is not a text" in text
    for secret in ("12345678", "87654321", "11223344"):
        assert secret not in text


def test_file_where_the_daemon_needs_a_directory_is_reported(config_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "spool").write_text("")
    (line,) = check(config_dir).problems
    assert "storage.directory: " in line
    assert "var/spool is a file where a directory belongs; give it to the daemon's user, or name another" in line


def test_fault_of_a_file_is_a_line_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(typer.Exit), plain_errors():
        (tmp_path / "file" / "spool").mkdir()
    assert capsys.readouterr().err.replace("\n", "") == (
        f"acdcore: {tmp_path}/file/spool: Not a directory; give it to the daemon's user, or name another directory"
    )


def test_port_that_another_program_has_is_a_mistake(config_dir: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        change(config_dir, SETTINGS, "udp_port = 0", f"udp_port = {port}")
        change(config_dir, SETTINGS, "tcp_port = 0", f"tcp_port = {port}")
        (line,) = check(config_dir).problems
    assert f"sip.udp_port: {port} is taken by another program; end it, or take another port" in line


def test_line_of_the_api_keys_that_a_start_would_refuse_is_a_mistake(config_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "api-keys").write_text("crm write a-secret-of-some-length\n")
    (line,) = check(config_dir).problems
    assert "var/api-keys: line 1: write: name, one of read, operate, admin, secret" in line
    assert "a-secret" not in line


def test_port_that_two_parts_of_the_daemon_would_take_is_a_mistake(config_dir: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    change(config_dir, SETTINGS, "tcp_port = 0", f"tcp_port = {port}")
    change(config_dir, SETTINGS, "\nport = 0", f"\nport = {port}")
    (line,) = check(config_dir).problems
    assert f"http.port: {port} is sip.tcp_port too; give each a port of its own" in line


# --- warnings ---

WARNINGS: list[tuple[str, str, str, str]] = [
    (
        SETTINGS,
        "last_port = 29999",
        "last_port = 20051",
        "media.last_port leaves 26 port pairs, but all lines with their",
    ),
    (
        SETTINGS,
        "\nport = 0",
        "\nport = 20501",
        "covers http.port 20501: a firewall that opens the range for audio opens t",
    ),
    (
        SETTINGS,
        "[queues.sales]",
        "[queues.spare]\n[queues.sales]",
        "queue spare: callers wait without end, even when no a",
    ),
    (
        AGENTS,
        "service = 9",
        "servise = 9",
        "with agents.toml: agent 1001 has the skill servise, which no queue, rule or ",
    ),
    (AGENTS, "service = 9", "servise = 9", "did you mean service?"),
    (
        AGENTS,
        'number = "1001"',
        'number = "1001"\npassword = "a1001"',
        "agents.toml: agents.0.password: is short enough to be guessed; give 8 characters or more, or leave",
    ),
    (
        SETTINGS,
        "95500 = {",
        '"955*" = {',
        "trunk local: routes.955*: is for this very number, it is no pattern; name whole num",
    ),
    (CUSTOMERS, 'tier = "vip"', 'tier = "vip"\nowner = "9"', "customers.0.owner: there is no agent 9 in agents.toml"),
    (
        CUSTOMERS,
        'tier = "vip"',
        'tier = "vip"\nregion = "moon"',
        "customers.0.region: there is no region moon; there are ",
    ),
    (
        CUSTOMERS,
        '"13800000002"',
        '"13800000001"',
        "customers.toml: 13800000001 is the number of 示例客户一号（贵宾）, ",
    ),
]


@pytest.mark.parametrize(("file", "was", "becomes", "said"), WARNINGS)
def test_what_is_surely_not_meant_is_a_warning(config_dir: Path, file: str, was: str, becomes: str, said: str) -> None:
    change(config_dir, file, was, becomes)
    answer = check(config_dir)
    assert answer.status == 0
    assert said in "\n".join(answer.problems)
    assert "warnings: 1" in answer.lines[-1]
    assert check(config_dir, "--strict").status == 1


def test_skill_that_no_agent_has_is_reported_with_the_agents_of_the_file(config_dir: Path) -> None:
    change(config_dir, SETTINGS, "skills = { sales = 1 }", "skills = { sale = 1 }")
    assert "with agents.toml: queue sales: nobody has sale 1" in "\n".join(check(config_dir).problems)


def test_audio_ports_that_the_system_gives_to_anybody_are_a_warning(config_dir: Path) -> None:
    low, high = ephemeral()
    if high - low < 10_000:
        pytest.skip("this system gives few ports away")
    change(config_dir, SETTINGS, "first_port = 20000", f"first_port = {low // 2 * 2}")
    change(config_dir, SETTINGS, "last_port = 29999", f"last_port = {high}")
    (line,) = check(config_dir).problems
    assert "overlaps the ports that the system gives to any program" in line


def ephemeral() -> tuple[int, int]:
    low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return int(low), int(high)


def test_flow_whose_name_does_not_end_in_toml_is_reported(config_dir: Path) -> None:
    shutil.copy(config_dir / FLOW, config_dir / "ivr" / "evening.toml.txt")
    (line,) = check(config_dir).problems
    assert "evening.toml.txt is not read: a flow's file ends in .toml" in line


def test_help_tells_the_exit_status() -> None:
    result = CliRunner().invoke(cli, ["check", "--help"])
    text = " ".join(result.output.split())
    assert "Exit status" in text
    assert "2 for a wrong command" in text
