"""Advice: what the settings allow but surely do not mean, in plain words; and nothing said of what is meant."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acdcore.calls.model.directory import AgentRecord
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import load_snapshot
from acdcore.configuration.warnings import config_notes, config_warnings
from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.recordings import file_name
from acdcore.ivr.tts.voices import CHOSEN, SpeechEngine
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.inputs import Channel

CONFIG = Path(__file__).parents[2] / "config"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TRUNK = '[trunks.carrier]\naddresses = ["198.51.100.0/24"]\n'
MAY_DIAL = 'target = "sip:198.51.100.1"\nmay_dial_out = true\ncaller_id = "02088880000"\n'
QUEUES = "[queues.service]\n[queues.sales]\n"
TWO_RULES = """
[queues.service]
skills = { service = 3 }
[[queues.service.rules]]
tiers = ["vip"]
skills = { vip = 5 }
[queues.sales]
"""


def agent(
    number: str, skills: dict[str, int], declines: tuple[Channel, ...] = (), is_active: bool = True
) -> AgentRecord:
    """Somebody with these skills."""
    levels = {SkillName(skill): level for skill, level in skills.items()}
    return AgentRecord(AgentId(number), number, "", "", levels, ("cmn",), is_active, declines)


ALL_ROUND = (agent("1001", {"service": 9, "vip": 9, "sales": 9}),)


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """The packaged flows and prompts, with settings yet to be written."""
    for name in ("ivr", "prompts"):
        shutil.copytree(CONFIG / name, tmp_path / name)
    (tmp_path / "calendars.toml").write_text(
        '[calendars.always]\ntimezone = "UTC"\n' + "".join(f'{day} = ["00:00-24:00"]\n' for day in WEEK), "utf-8"
    )
    return tmp_path


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def said(config_dir: Path, text: str, agents: tuple[AgentRecord, ...] = ()) -> list[str]:
    """The advice on these settings, without what is said of each queue that nothing but an agent leads out of."""
    file = config_dir / "acdcore.toml"
    file.write_text(text, "utf-8")
    warnings = config_warnings(load_snapshot(load(file, {}), file), agents, NOON)
    return [warning for warning in warnings if "callers wait without end, even" not in warning]


NATURAL = '[voice.cmn]\nengine = "kokoro"\n[voice.en]\nengine = "kokoro"\n'
ALWAYS = "[queues.service]\n[queues.sales]\n" + TRUNK + 'routes."*" = { flow = "hotline" }\n'


def told_of_voices(config_dir: Path, text: str) -> list[str]:
    """The languages that only espeak reads, as far as that is told."""
    file = config_dir / "acdcore.toml"
    file.write_text(text, "utf-8")
    told = config_notes(load_snapshot(load(file, {}), file))
    assert all("which only espeak reads" in note for note in told)
    return [note.partition(":")[0] for note in told]


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("", [f"voice.{language.value}" for language in Language if CHOSEN[language].engine is SpeechEngine.ESPEAK]),
        (NATURAL, ["voice.yue"]),
        (NATURAL.replace("kokoro", "espeak"), ["voice.cmn", "voice.yue", "voice.en"]),
        (f'{NATURAL}[voice.yue]\nengine = "http"\n[voice.http]\nurl = "https://192.0.2.1/v1/audio/speech"\n', []),
    ],
)
def test_language_that_only_espeak_reads_is_told_where_callers_can_choose_it(
    config_dir: Path, text: str, languages: list[str]
) -> None:
    assert told_of_voices(config_dir, ALWAYS + text) == languages
    assert told_of_voices(config_dir, QUEUES + text) == []


def test_language_is_not_told_of_once_all_its_texts_are_recorded(config_dir: Path) -> None:
    assert "voice.yue" in told_of_voices(config_dir, ALWAYS)
    file = config_dir / "acdcore.toml"
    recorded = config_dir / "prompts" / "recorded"
    recorded.mkdir()
    for request in load_snapshot(load(file, {}), file).prompts:
        (recorded / file_name(request.key)).touch()
    assert told_of_voices(config_dir, ALWAYS) == []


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://192.0.2.1:8880/v1/audio/speech", True),
        ("https://192.0.2.1/v1/audio/speech", False),
        ("http://127.0.0.1:8880/v1/audio/speech", False),
    ],
)
def test_key_that_goes_over_the_network_in_clear_is_told(config_dir: Path, url: str, is_told: bool) -> None:
    voice = f'[voice.yue]\nengine = "http"\n[voice.http]\nkey_file = "key"\nurl = "{url}"\n'
    told = [
        one for one in said(config_dir, ALWAYS + voice) if one.startswith("voice.http.url: the key goes to 192.0.2.1")
    ]
    assert len(told) == is_told


@pytest.mark.parametrize(
    ("keys", "is_told"),
    [
        ("", True),
        ("overflow.nobody_ready = { announcement = 'system.closed' }", True),
        ("keys = { 1 = 'callback' }", False),
        ("overflow.nobody_logged_in = { announcement = 'system.closed' }", False),
        ("max_wait_s = 60\noverflow.wait = { announcement = 'system.closed' }", False),
    ],
)
def test_queue_that_nothing_but_an_agent_leads_out_of_is_told(config_dir: Path, keys: str, is_told: bool) -> None:
    file = config_dir / "acdcore.toml"
    file.write_text(f"[queues.sales]\nkeys = {{ 1 = 'callback' }}\n[queues.service]\n{keys}", "utf-8")
    told = [one for one in config_warnings(load_snapshot(load(file, {}), file), (), NOON) if "wait without end" in one]
    assert told == ["queue service: " + WITHOUT_END] * is_told


WITHOUT_END = (
    "callers wait without end, even when no agent is logged in; set max_wait_s with overflow.wait, and "
    "overflow.nobody_logged_in, or give callers keys to press"
)


def test_packaged_settings_with_their_agents_leave_nothing_to_say() -> None:
    file = CONFIG / "acdcore.toml"
    snapshot = load_snapshot(load(file, {}), file)
    told = config_warnings(snapshot, (agent("1001", {"service": 9, "sales": 3}),), NOON)
    assert told == ()


def test_settings_that_are_meant_so_leave_nothing_to_say(config_dir: Path) -> None:
    text = (
        TRUNK
        + MAY_DIAL
        + "[trunks.carrier.routes]\n"
        + '1 = { flow = "hotline", calendar = "always", closed_flow = "night" }\n'
        + TWO_RULES.replace(
            "[queues.sales]", "[[queues.service.widening]]\nafter_s = 30\nskills = { vip = 0 }\n[queues.sales]"
        )
        + "max_wait_s = 60\nannounce_first_s = 10\nannounce_wait = true\nsurvey = 'survey'\n"
        + "keys = { 1 = 'callback' }\nkeys_prompt = 'system.callback-offer'\n"
        + "sticky = { for_s = 20 }\n[queues.sales.overflow]\nwait = { flow = 'voicemail' }\n"
    )
    assert said(config_dir, text, (agent("1001", {"service": 9, "vip": 9}),)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            QUEUES + "announce_wait = true",
            "queue sales: announce_wait has no effect without announce_first_s",
        ),
        (
            QUEUES + "keys = { 1 = 'night' }\nkeys_prompt = 'system.callback-offer'",
            "queue sales: keys_prompt is never heard without announce_first_s",
        ),
        (
            QUEUES + "keys = { 1 = 'night' }",
            "queue sales: nobody is told of the keys; name the prompt that does as keys_prompt",
        ),
        (QUEUES + "sticky = { for_s = 0 }", "queue sales: sticky has no effect with for_s = 0"),
        (
            QUEUES.replace("[queues.sales]", "overflow.nobody_logged_in = { queue = 'sales' }\n[queues.sales]")
            + "max_wait_s = 60\noverflow.wait = { announcement = 'system.closed' }\n"
            + "[queues.third]\nmax_wait_s = 60\noverflow.wait = { queue = 'service' }",
            "queue third: overflows to queue service, where callers wait without end;"
            " give service an overflow.wait, or keys",
        ),
        (
            QUEUES + "survey = 'hotline'",
            "queue sales: survey leads back into a queue, by the flow hotline: callers who were served wait again",
        ),
        (
            QUEUES + "[[queues.sales.rules]]\ntiers = ['gold', 'goldd']\nskills = { a = 1 }",
            "queue sales: rule 1 is for the tier goldd, which no customer can have;"
            " there are unknown, standard, silver, gold, vip",
        ),
        (
            QUEUES + "[[queues.sales.rules]]\nlanguages = ['yue']\nskills = { a = 1 }",
            "queue sales: rule 1 is for yue, which no flow speaks",
        ),
        (
            QUEUES + "skills = { a = 3 }\n[[queues.sales.widening]]\nafter_s = 30\nskills = { b = 1 }",
            "queue sales: widening step 1 lowers b, which nobody asks for",
        ),
        (
            QUEUES + "skills = { a = 3 }\n[[queues.sales.widening]]\nafter_s = 30\nskills = { a = 3 }",
            "queue sales: widening step 1 leaves a as it is: no more than 3 is asked for anyway",
        ),
        (
            QUEUES
            + "skills = { a = 3 }\nmax_wait_s = 20\noverflow.wait = { announcement = 'system.closed' }\n"
            + "[[queues.sales.widening]]\nafter_s = 30\nskills = { a = 1 }",
            "queue sales: widening step 1 begins after 30 s, but callers overflow after 20 s",
        ),
        ('[notices]\nsmtp = "127.0.0.1:25"\n' + QUEUES, "notices.smtp has no effect without notices.to"),
        ("[media]\nfirst_port = 20000\nlast_port = 20099\n" + QUEUES, "media.last_port leaves 50 port pairs"),
    ],
)
def test_settings_by_themselves(config_dir: Path, text: str, expected: str) -> None:
    assert [line for line in said(config_dir, text) if line.startswith(expected)], said(config_dir, text)


def test_calendar_that_is_used_and_never_open_is_told(config_dir: Path) -> None:
    with (config_dir / "calendars.toml").open("a") as file:
        file.write('[calendars.never]\ntimezone = "UTC"\n[calendars.unused]\ntimezone = "UTC"\n')
    text = QUEUES + "calendar = 'never'\noverflow.closed = { announcement = 'system.closed' }"
    assert said(config_dir, text) == ["calendar never: is not open at any time within the next fortnight"]


@pytest.mark.parametrize(
    "offer",
    [
        "[queues.service]\nkeys = { 1 = 'callback' }\n",
        "[queues.service]\nmax_length = 5\noverflow.length = { flow = 'callback' }\n",
    ],
)
def test_callbacks_that_nobody_could_make_are_told(config_dir: Path, offer: str) -> None:
    expected = "callbacks are offered, but no trunk may dial out; set may_dial_out and target on one"
    assert expected in said(config_dir, TRUNK + offer + "[queues.sales]\n")
    assert expected not in said(config_dir, TRUNK + MAY_DIAL + offer + "[queues.sales]\n")
    assert expected not in said(config_dir, TRUNK + QUEUES)  # the flow is there, but leads nowhere from any call


def test_trunk_that_dials_out_without_a_number_of_ours_is_told(config_dir: Path) -> None:
    silent = MAY_DIAL.replace('caller_id = "02088880000"\n', "")
    [told] = said(config_dir, TRUNK + silent + QUEUES)
    assert told.startswith("trunk carrier: may dial out but has no caller_id: a carrier that screens refuses its calls")
    assert said(config_dir, TRUNK + MAY_DIAL + QUEUES) == []


def test_account_name_that_leaves_the_number_nowhere_is_told(config_dir: Path) -> None:
    account = 'from_user = "account"\n'
    [told] = said(config_dir, TRUNK + MAY_DIAL + account + QUEUES)
    assert "assert_by names no other" in told
    assert said(config_dir, TRUNK + MAY_DIAL + account + 'assert_by = "p_asserted_identity"\n' + QUEUES) == []


# --- the people ---


def test_nothing_is_said_of_people_while_none_are_known(config_dir: Path) -> None:
    assert said(config_dir, TWO_RULES) == []
    assert said(config_dir, TWO_RULES, (agent("1001", {}, is_active=False),)) == []


def test_queue_that_nobody_can_serve_is_told_once(config_dir: Path) -> None:
    people = (agent("1001", {"service": 2, "vip": 9}), agent("1002", {"service": 9}, is_active=False))
    assert said(config_dir, TWO_RULES, people) == ["queue service: nobody has service 3"]


def test_rule_whose_skills_nobody_has_together_is_told(config_dir: Path) -> None:
    people = (agent("1001", {"service": 9}), agent("1002", {"vip": 9, "service": 2}))
    assert said(config_dir, TWO_RULES, people) == [
        "queue service: rule 1 asks for service 3 and vip 5, which nobody has together; these callers are never served"
    ]


def test_rule_that_is_widened_says_how_long_its_callers_wait_for_nothing(config_dir: Path) -> None:
    widening = (
        "[[queues.service.widening]]\nafter_s = 20\nskills = { vip = 4 }\n"
        "[[queues.service.widening]]\nafter_s = 45\nskills = { vip = 1 }\n[queues.sales]"
    )
    people = (agent("1001", {"service": 9, "vip": 1}),)
    assert said(config_dir, TWO_RULES.replace("[queues.sales]", widening), people) == [
        "queue service: rule 1 asks for service 3 and vip 5, which nobody has together;"
        " these callers wait 45 s for nothing"
    ]


def test_flow_that_asks_for_what_nobody_has_is_told(config_dir: Path) -> None:
    (config_dir / "ivr" / "own.toml").write_text(
        'start = "in"\n[nodes.in]\ntype = "queue"\nqueue = "service"\nskills = { law = 2 }\n', "utf-8"
    )
    text = TRUNK + "[trunks.carrier.routes]\n1 = { flow = 'own' }\n" + QUEUES
    assert said(config_dir, text, (agent("1001", {"cmn": 9}),)) == [
        "queue service: flow own, in asks for law 2, which nobody has together; these callers are never served"
    ]


def test_contacts_that_everybody_with_the_skills_declines_are_told(config_dir: Path) -> None:
    text = (
        TRUNK
        + MAY_DIAL
        + "[queues.service]\nskills = { service = 3 }\ncall_back_abandoned = true\nmax_length = 5\n"
        + "overflow.length = { flow = 'voicemail' }\n[queues.sales]\n"
    )
    no_work = (Channel.CALLBACK, Channel.VOICEMAIL)
    people = (agent("1001", {"service": 9}, no_work), agent("1002", {"service": 1}))
    assert said(config_dir, text, people) == [
        "queue service: nobody with service 3 takes callbacks",
        "queue service: nobody with service 3 takes messages",
    ]
    assert said(config_dir, text, (*people, agent("1003", {"service": 3}))) == []
    only_work = (agent("1001", {"service": 9}, (Channel.CALL,)), agent("1002", {}))
    assert said(config_dir, text, only_work) == ["queue service: nobody with service 3 takes calls"]


PROVIDER = """
[trunks.provider]
user = "provider"
password = "x"
target = "sip:198.51.100.7"
[trunks.provider.routes]
1 = { flow = "hotline" }
"""


@pytest.mark.parametrize("is_first", [True, False])
def test_trunk_by_credentials_within_the_addresses_of_another_is_told(config_dir: Path, is_first: bool) -> None:
    text = PROVIDER + TRUNK if is_first else TRUNK + PROVIDER
    (warning,) = said(config_dir, text + QUEUES)
    assert "trunk provider: its target 198.51.100.7 is among the addresses of trunk carrier" in warning
    assert said(config_dir, TRUNK + PROVIDER.partition("[trunks.provider.routes]")[0] + QUEUES) == [], (
        "takes no calls in"
    )
    assert said(config_dir, TRUNK + PROVIDER.replace("198.51.100.7", "192.0.2.7") + QUEUES) == []


def test_trunk_whose_addresses_are_all_those_of_an_earlier_one_is_told(config_dir: Path) -> None:
    inner = '[trunks.inner]\naddresses = ["198.51.100.8/29", "2001:db8::/32"]\n'
    (warning,) = said(config_dir, TRUNK + inner + QUEUES)
    assert "trunk inner: calls from 198.51.100.8/29 count as trunk carrier's" in warning
    assert said(config_dir, inner + TRUNK + QUEUES) == [], "the narrower one first is how it is meant"


def test_skill_that_nothing_asks_for_is_told_with_the_one_that_was_meant(config_dir: Path) -> None:
    agents = (agent("1001", {"servise": 3, "vip": 5, "en": 9}), agent("1002", {"servise": 2}), *ALL_ROUND)
    text = TWO_RULES + "skills = { sales = 1 }"
    assert (
        "2 agents (1001, ...) have the skill servise, which no queue, rule or flow asks for; did you mean service?"
        in (said(config_dir, text, agents))
    )
    assert said(config_dir, text, ALL_ROUND) == []


OFFERING = """
language = "cmn"
languages = ["cmn"]
start = "number"
[nodes.number]
type = "collect"
prompts = ["which"]
variable = "typed"
min_digits = 5
max_digits = 15
next = "place"
on_failure = "back"
[nodes.place]
type = "callback"
queue = "service"
number = "typed"
next = "back"
refused = "back"
[nodes.back]
type = "return_to_queue"
queue = "service"
[prompts.which]
cmn = "号码"
"""
GUARD = '[nodes.who]\ntype = "branch"\non = "callback"\ncases = { other = "number" }\notherwise = "back"\n'


@pytest.mark.parametrize(
    ("flow", "numbers", "expected"),
    [
        (OFFERING, "[]", ["who cannot be called back", "asks for a number to call"]),
        (OFFERING, '["020"]', ["who cannot be called back"]),
        (OFFERING.replace('start = "number"', 'start = "who"') + GUARD, "[]", []),
    ],
)
def test_callback_that_a_flow_offers_and_the_settings_refuse_is_told(
    config_dir: Path, flow: str, numbers: str, expected: list[str]
) -> None:
    (config_dir / "ivr" / "offering.toml").write_text(flow, "utf-8")
    text = f"[callbacks]\nnumbers = {numbers}\n{QUEUES}keys = {{ 1 = 'offering' }}\n"
    told = [warning for warning in said(config_dir, text) if "flow offering" in warning]
    assert len(told) == len(expected)
    assert all(part in warning for part, warning in zip(expected, told, strict=True))


DEPARTMENTS = """
[trunks.carrier]
addresses = ["198.51.100.0/24"]
routes = { "*" = { flow = "departments" } }
[queues.service]
[queues.sales]
"""


def departments(config_dir: Path) -> Path:
    """The house with the flow that asks for a department; its file."""
    return Path(
        shutil.copy(config_dir / "ivr" / "examples" / "departments.toml", config_dir / "ivr" / "departments.toml")
    )


def heard_of(config_dir: Path, text: str) -> list[str]:
    """What is said of listening."""
    return [one for one in said(config_dir, text) if "hear" in one]


def test_flow_that_listens_where_nothing_understands_is_told_with_the_remedy(config_dir: Path) -> None:
    departments(config_dir)
    told = heard_of(config_dir, DEPARTMENTS)
    assert [one.partition(" cannot")[0] for one in told] == [
        "flow departments: department",
        "flow departments: anything-else",
    ]
    assert 'pip install "acdcore[speech]" and set engine = "whisper" in [recognition]' in told[0]
    assert heard_of(config_dir, DEPARTMENTS + '[recognition]\nengine = "whisper"') == []


def test_flow_that_listens_in_a_language_that_whisper_does_not_know_is_told(config_dir: Path) -> None:
    file = departments(config_dir)
    text = file.read_text("utf-8")
    before, _, after = text.partition("[nodes.anything-else]")
    file.write_text(before + "[nodes.anything-else]" + after.replace("keys_only", "# keys_only", 1), "utf-8")
    (told,) = heard_of(config_dir, DEPARTMENTS + '[recognition]\nengine = "whisper"')
    assert "anything-else cannot hear yue, which whisper does not know; name yue in keys_only" in told
    assert heard_of(config_dir, DEPARTMENTS + '[recognition]\nengine = "http"\nurl = "http://127.0.0.1:9/"') == []
