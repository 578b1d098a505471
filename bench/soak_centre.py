"""The call centre of the soak: two queues, a third with few agents and callbacks, a survey, changing settings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acdcore.ivr.audio.wav import write_wav
from bench.centre import system_prompts
from bench.daemon import AgentSeed, Daemon, DaemonSettings
from bench.ports import media_environment
from bench.sound import tone

MENU = "95500"
"""1 leads to the first queue, 2 to the second."""
DIRECT = "95501"
"""Straight into the first queue."""
RECALLED = "95503"
"""A queue of few agents, in which 1 asks for a callback and who hangs up is called back."""
KEYS = {"1": "first", "2": "second"}
SURVEY = "survey"
PASSWORD = "soak-and-nothing-else"
FIRST_AGENT = 1001
FEW = 4
"""Agents of the queue of few."""
LINES = 600
LOST_AFTER_S = 5
"""The shortest that the settings allow, so that silence is asked after often."""
PROMPT_S = 0.1

SETTINGS = """
log = "warning"
[trunk_capacity]
limit = {lines}
reserve = 0
when_full = "refuse"
[callbacks]
numbers = ["139"]
retry_after_s = [5]
max_attempts = 3
[trunks.bench]
addresses = ["127.0.0.0/8"]
capacity = {lines}
target = "sip:127.0.0.1:{outside_port}"
may_dial_out = true
ask_every_s = 0
caller_id = "02088880000"
[trunks.bench.routes]
95500 = {{ flow = "menu" }}
95501 = {{ flow = "first" }}
95503 = {{ flow = "recalled" }}
[queues.first]
skills = {{ service = 1 }}
ring_for_s = {ring_for_s}
wrap_up_s = {wrap_up_s}
misses_until_not_ready = 100
survey = "survey"
sticky = {{ for_s = 1, within_days = 1 }}
[queues.second]
skills = {{ service = 1 }}
ring_for_s = {ring_for_s}
wrap_up_s = 0
max_wait_s = {max_wait_s}
misses_until_not_ready = 100
[queues.second.overflow]
wait = {{ queue = "first" }}
[queues.recalled]
skills = {{ few = 1 }}
ring_for_s = {ring_for_s}
wrap_up_s = {wrap_up_s}
misses_until_not_ready = 100
keys = {{ 1 = "callback" }}
keys_prompt = "system.callback-offer"
announce_first_s = 1
call_back_abandoned = true
dial_first = "{dial_first}"
"""
MENU_FLOW = """
language = "cmn"
languages = ["cmn"]
start = "menu"
[nodes.menu]
type = "menu"
prompts = ["words"]
keys = { 1 = "first", 2 = "second" }
timeout_s = 3
retries = 2
on_timeout = "first"
on_invalid = "first"
[nodes.first]
type = "queue"
queue = "first"
[nodes.second]
type = "queue"
queue = "second"
[prompts.words]
wav = "bench.wav"
"""
SURVEY_FLOW = """
language = "cmn"
languages = ["cmn"]
start = "asked"
[nodes.asked]
type = "menu"
prompts = ["words"]
keys = { 1 = "thanks", 2 = "thanks" }
timeout_s = 1
retries = 0
on_timeout = "thanks"
on_invalid = "thanks"
[nodes.thanks]
type = "announce_and_hang_up"
prompts = ["words"]
[prompts.words]
wav = "bench.wav"
"""
CALLBACK_FLOW = """
language = "cmn"
languages = ["cmn"]
start = "place"
[nodes.place]
type = "callback"
queue = "recalled"
number = "caller"
next = "placed"
refused = "placed"
[nodes.placed]
type = "announce_and_hang_up"
prompts = ["words"]
[prompts.words]
wav = "bench.wav"
"""


@dataclass(frozen=True, slots=True)
class Mood:
    """What a reload may change."""

    ring_for_s: int
    wrap_up_s: int
    max_wait_s: int
    dial_first: str


MOODS = (Mood(4, 0, 3, "agent"), Mood(5, 1, 2, "customer"), Mood(3, 0, 5, "agent"))
"""One after the other, round and round."""


def settings(outside_port: int, mood: Mood) -> str:
    """acdcore.toml in that mood."""
    return SETTINGS.format(
        lines=LINES,
        outside_port=outside_port,
        ring_for_s=mood.ring_for_s,
        wrap_up_s=mood.wrap_up_s,
        max_wait_s=mood.max_wait_s,
        dial_first=mood.dial_first,
    )


def agents(count: int) -> Sequence[AgentSeed]:
    """The first `FEW` serve the queue of few, too."""
    return [
        AgentSeed(str(FIRST_AGENT + index), PASSWORD, {"service": 5, "few": 5} if index < FEW else {"service": 5})
        for index in range(count)
    ]


def new_daemon(directory: Path, outside_port: int, agent_count: int) -> Daemon:
    """The daemon, not yet started; its clock can be set."""
    queue = 'language = "cmn"\nlanguages = ["cmn"]\nstart = "in"\n[nodes.in]\ntype = "queue"\nqueue = {}\n'
    return Daemon(
        DaemonSettings(
            directory=directory,
            environment={
                **media_environment(2 * (LINES + agent_count) + 200),
                "ACDCORE_MEDIA__LOST_AFTER_S": str(LOST_AFTER_S),
            },
            toml=settings(outside_port, MOODS[0]),
            flows={
                "menu": MENU_FLOW,
                SURVEY: SURVEY_FLOW,
                "callback": CALLBACK_FLOW,
                **{name: queue.format(json.dumps(name)) for name in ("first", "recalled")},
            },
            prompts={"bench.wav": write_wav(tone(1000, PROMPT_S), 8000), "system.toml": system_prompts().encode()},
            agents=agents(agent_count),
            program=("-m", "bench.leaping", "run"),
        )
    )
