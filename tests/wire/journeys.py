"""What callers meet beyond menu and queue: messages, callbacks, a survey, another site, hours, agents who know them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.daemon import CONFIG
from tests.wire.tones import prompts_of

MAILBOX = "95510"
"""Straight into the flow that takes messages."""
RECALLED = "95511"
"""A queue whose callers may press 1 for a callback."""
RATED = "95512"
"""A queue with a survey after the talk."""
OTHER_SITE = "95513"
"""A queue that hands its callers to another site after a second."""
BY_CALENDAR = "95514"
"""The service queue, on days that are worked."""
LOYAL = "95515"
"""A queue whose callers are kept for the agent of their last talk."""

QUEUES = ("recalled", "rated", "elsewhere", "loyal")
ROUTES: Mapping[str, str] = {
    MAILBOX: "voicemail",
    RECALLED: "recalled",
    RATED: "rated",
    OTHER_SITE: "elsewhere",
    LOYAL: "loyal",
}
HOLIDAYS = "holidays"
"""The calendar: open at all hours, but for the days around today, so that midnight changes nothing."""
HOLIDAY = "founders-days"
CALENDAR_ROUTES = (
    f'{BY_CALENDAR} = {{ flow = "service", calendar = "{HOLIDAYS}", closed_flow = "shut", holiday_flow = "feast" }}'
)
CALENDARS_FILE = "days.toml"
KEPT_FOR_S = 5.0
"""How long a caller waits for the agent of the last talk."""

QUEUE_TABLES = f"""
[queues.recalled]
skills = {{ service = 1 }}
ring_for_s = 5
wrap_up_s = 1
music = "music.wav"
keys = {{ 1 = "callback" }}
keys_prompt = "system.callback-offer"
announce_first_s = 1

[queues.rated]
skills = {{ service = 1 }}
ring_for_s = 5
wrap_up_s = 1
survey = "survey"

[queues.elsewhere]
skills = {{ nobody-has-this = 1 }}
max_wait_s = 1
[queues.elsewhere.overflow]
wait = {{ external_number = "95501", trunk = "far" }}

[queues.loyal]
skills = {{ service = 1 }}
ring_for_s = 5
wrap_up_s = 1
sticky = {{ for_s = {KEPT_FOR_S}, within_days = 1 }}
"""


def flows() -> dict[str, str]:
    """Flows by name: those that come with the configuration, with tones for prompts, and two of the calendar's."""
    return {
        "voicemail": shipped_flow("voicemail"),
        "callback": shipped_flow("callback").replace('queue = "service"', 'queue = "recalled"'),
        "survey": shipped_flow("survey"),
        "feast": goodbye_flow("feast"),
        "shut": goodbye_flow("shut"),
    }


def shipped_flow(name: str) -> str:
    """A flow as it comes with the configuration, but for the sound of its prompts."""
    text = (CONFIG / "ivr" / f"{name}.toml").read_text()
    nodes = text[: text.index("\n[prompts.")]
    return nodes + "".join(f'\n[prompts.{prompt}]\nwav = "flow-{name}-{prompt}.wav"\n' for prompt in prompts_of(name))


def goodbye_flow(prompt: str) -> str:
    """A flow that says one thing and hangs up."""
    node = f'[nodes.said]\ntype = "announce_and_hang_up"\nprompts = ["{prompt}"]\nreason = "closed"\n'
    return f'language = "cmn"\nstart = "said"\n{node}[prompts.{prompt}]\nwav = "{prompt}.wav"\n'


def write_calendars(config: Path) -> None:
    """The calendar's file, as of today."""
    today = datetime.now(UTC).date()
    days = "".join(f'{day} = ["00:00-24:00"]\n' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    span = f"from = {today - timedelta(days=1)}\nto = {today + timedelta(days=1)}\n"
    holiday = f'[[calendars.{HOLIDAYS}.holiday]]\nname = "{HOLIDAY}"\n{span}'
    config.mkdir(parents=True, exist_ok=True)
    (config / CALENDARS_FILE).write_text(f'[calendars.{HOLIDAYS}]\ntimezone = "UTC"\n{days}{holiday}')
