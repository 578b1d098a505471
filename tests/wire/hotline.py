"""The hotline under test: one number for each thing that a caller can meet, short times, prompts that are tones."""

from collections.abc import Mapping
from pathlib import Path

from bench.daemon import AgentSeed, DaemonSettings
from bench.ports import media_environment
from tests.wire import journeys
from tests.wire.tones import prompts

HOTLINE = "95500"
"""Greeting, menu, service queue."""
SERVICE = "95501"
"""Straight into the service queue."""
WAITS_TOO_LONG = "95502"
"""A queue that nobody serves, with an announcement after a second."""
TOO_MANY_WAIT = "95503"
"""A queue with room for one."""
NOBODY_THERE = "95504"
"""A queue that nobody is logged in to, with an announcement."""
OTHER_QUEUE = "95505"
"""A queue that hands its callers to the service queue after a second."""
OUTSIDE = "95506"
"""A queue that sends callers out when nobody is logged in."""
FORWARDED = "95507"
"""A flow that connects to the external number."""
PATIENT = "95508"
"""A queue that rings agents for long."""
OUTSIDE_NUMBER = "02155500"
OUR_NUMBER = "02088880000"
"""What called parties see, where the caller is not shown."""
PROVIDED = "95520"
"""The service queue, on a number that only the provider's trunk has, which proves itself by credentials."""
PROVIDER, PROVIDER_PASSWORD = "provider", "wire-provider-password"
REALM = "acdcore"
"""The shipped one."""

RING_FOR_S = 3.0
WRAP_UP_S = 1.0
MEDIA_PORTS = 800
"""Enough for two legs of two hundred calls."""
PASSWORD = "wire-{}-password"
AGENTS = ("1001", "1002", "1003", "1004", "1005", "1006")

VIP = "13800000001"
GOLD = "13800000002"
ORDINARY = "13900000009"
"""A number that no customer has."""
CUSTOMERS = f"""
[[customers]]
name = "Customer One"
tier = "vip"
language = "cmn"
numbers = ["{VIP}"]
member_number = "80000001"

[[customers]]
name = "Customer Two"
tier = "gold"
language = "en"
numbers = ["{GOLD}"]
member_number = "80000002"
plates = ["A12345"]
"""

HOTLINE_FLOW = """
language = "cmn"
languages = ["cmn", "yue", "en"]
start = "greeting"

[nodes.greeting]
type = "play"
prompts = ["greeting"]
next = "menu"

[nodes.menu]
type = "menu"
prompts = ["menu"]
invalid_prompts = ["invalid"]
keys = { 1 = "connecting", 2 = "member-number", 3 = "choose-language" }
timeout_s = 4.0
retries = 1
on_timeout = "connecting"
on_invalid = "connecting"

[nodes.member-number]
type = "collect"
prompts = ["member-number"]
variable = "member_number"
min_digits = 4
max_digits = 12
retries = 1
next = "find-member"
on_failure = "connecting"

[nodes.find-member]
type = "lookup"
by = "member_number"
variable = "member_number"
found = "welcome-back"
not_found = "unknown-member"
unavailable = "connecting"

[nodes.welcome-back]
type = "play"
prompts = ["welcome-back"]
next = "service"

[nodes.unknown-member]
type = "play"
prompts = ["unknown-member"]
next = "service"

[nodes.choose-language]
type = "language"
prompts = ["choose-language"]
keys = { 1 = "cmn", 2 = "yue", 3 = "en" }
timeout_s = 3.0
next = "thanks"

[nodes.thanks]
type = "play"
prompts = ["thanks"]
next = "service"

[nodes.connecting]
type = "play"
prompts = ["connecting"]
next = "service"

[nodes.service]
type = "queue"
queue = "service"
tier_priority_s = { gold = 60, vip = 300 }

[prompts.greeting]
wav = "greeting.wav"
[prompts.menu]
wav = "menu.wav"
[prompts.invalid]
wav = "invalid.wav"
[prompts.connecting]
wav = "connecting.wav"
[prompts.member-number]
wav = "member-number.wav"
[prompts.welcome-back]
wav = "welcome-back.wav"
[prompts.unknown-member]
wav = "unknown-member.wav"
[prompts.choose-language]
wav = "choose-language.wav"
[prompts.thanks]
wav = { cmn = "thanks-cmn.wav", yue = "thanks-yue.wav", en = "thanks-en.wav" }
"""


def queue_flow(queue: str) -> str:
    """A flow that is nothing but a queue."""
    advance = "tier_priority_s = { gold = 60, vip = 300 }"
    return f'language = "cmn"\nstart = "queue"\n[nodes.queue]\ntype = "queue"\nqueue = "{queue}"\n{advance}\n'


FORWARDED_FLOW = f"""
language = "cmn"
start = "out"
[nodes.out]
type = "external_number"
number = "{OUTSIDE_NUMBER}"
"""

FLOWS: Mapping[str, str] = {
    "hotline": HOTLINE_FLOW,
    "forwarded": FORWARDED_FLOW,
    **{queue: queue_flow(queue) for queue in ("service", "slow", "narrow", "empty", "front", "away", "patient")},
    **{queue: queue_flow(queue) for queue in journeys.QUEUES},
    **journeys.flows(),
}
ROUTES: Mapping[str, str] = {
    HOTLINE: "hotline",
    SERVICE: "service",
    WAITS_TOO_LONG: "slow",
    TOO_MANY_WAIT: "narrow",
    NOBODY_THERE: "empty",
    OTHER_QUEUE: "front",
    OUTSIDE: "away",
    FORWARDED: "forwarded",
    PATIENT: "patient",
    **journeys.ROUTES,
}


def settings_file(far_end_port: int, lines: str) -> str:
    """acdcore.toml. Only 127.0.0.1 is a trunk, so that every other loopback address is a stranger."""
    routes = "\n".join(f'{number} = {{ flow = "{flow}" }}' for number, flow in ROUTES.items())
    return f"""
[recording]
min_free_mb = 1

[ivr]
calendars = "{journeys.CALENDARS_FILE}"

[voice.cmn]  # the titles of its queues are all that is read: no daemon of a test waits for the natural voice
engine = "espeak"
[voice.en]
engine = "espeak"

[trunk_capacity]
{lines}

[trunks.local]
addresses = ["127.0.0.1/32"]
[trunks.local.routes]
{routes}
{journeys.CALENDAR_ROUTES}

[trunks.far]
addresses = ["127.0.0.8/32"]
target = "sip:127.0.0.1:{far_end_port}"
may_dial_out = true
ask_every_s = 0
caller_id = "{OUR_NUMBER}"
forwarded_shows = "caller"
redirection = "diversion"

[trunks.provider]
user = "{PROVIDER}"
password = "{PROVIDER_PASSWORD}"
[trunks.provider.routes]
{PROVIDED} = {{ flow = "service" }}

[queues.service]
skills = {{ service = 1 }}
ring_for_s = {RING_FOR_S}
wrap_up_s = {WRAP_UP_S}
music = "music.wav"

[queues.patient]
skills = {{ service = 1 }}
ring_for_s = 20
wrap_up_s = {WRAP_UP_S}

[queues.slow]
skills = {{ slow = 1 }}
max_wait_s = 1
[queues.slow.overflow]
wait = {{ announcement = "system.queue-overflow" }}

[queues.narrow]
skills = {{ narrow = 1 }}
max_length = 1
music = "music.wav"
[queues.narrow.overflow]
length = {{ announcement = "system.queue-overflow" }}

[queues.empty]
skills = {{ empty = 1 }}
[queues.empty.overflow]
nobody_logged_in = {{ announcement = "system.nobody-there" }}

[queues.front]
skills = {{ front = 1 }}
max_wait_s = 1
[queues.front.overflow]
wait = {{ queue = "service" }}

[queues.away]
skills = {{ away = 1 }}
[queues.away.overflow]
nobody_logged_in = {{ external_number = "{OUTSIDE_NUMBER}" }}
{journeys.QUEUE_TABLES}"""


def password_of(agent: str) -> str:
    """The phone's password."""
    return PASSWORD.format(agent)


def share_prompts(directory: Path) -> None:
    """Let the daemons of one directory share what they have rendered: the music takes seconds."""
    shared = directory.parent / "prompts"
    shared.mkdir(exist_ok=True)
    (directory / "var").mkdir(parents=True, exist_ok=True)
    if not (directory / "var" / "prompts").is_symlink():
        (directory / "var" / "prompts").symlink_to(shared)


def hotline(
    directory: Path, far_end_port: int, lines: str = "limit = 150", environment: Mapping[str, str] | None = None
) -> DaemonSettings:
    """A daemon with this hotline; `lines` is the table of that name in the settings."""
    share_prompts(directory)
    journeys.write_calendars(directory / "config")
    return DaemonSettings(
        directory=directory,
        environment=media_environment(MEDIA_PORTS) | dict(environment or {}),
        toml=settings_file(far_end_port, lines),
        flows=FLOWS,
        prompts=prompts(),
        agents=[AgentSeed(agent, password_of(agent)) for agent in AGENTS],
        customers=CUSTOMERS,
    )
