"""Changes to a day, as words on a command line.

agents+2@10:00-12:00                  two more agents, like most of those at work then
agents+1@10:00-12:00/like=1001        ... with the skills, the pace and the phone of agent 1001
agents+1@22:00-06:00/skills=yue:2,en  ... with these skills (level 1 where none is given), into the next day
agents+1                              one more for as long as anybody is at work
agents-2@14:00-15:30                  two fewer, those with the highest numbers; /like= and /skills= choose whom
vip.priority=120                       seconds of waiting granted in advance to the tier `vip`
queues.service.ring_for_s=12          any key of a queue; `queues.*.` means every queue, `none` switches a limit off
calls*1.1, queues.service.calls*1.1   more calls
handling*0.9                          shorter talks and notes
"""

import math
import re

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.changes import (
    Change,
    ChangeError,
    FewerAgents,
    HandlingTimes,
    MoreAgents,
    MoreCalls,
    PriorityFor,
    QueueKey,
    RingFor,
    Setting,
    StrategyIs,
    set_key,
)
from acdcore.planning.day import DAY_S
from acdcore.queues.settings import QueueSettings, Strategy

_AGENTS = re.compile(
    r"agents(?P<sign>[+-])(?P<count>\d{1,4})(@(?P<start>[\d:]+)-(?P<end>[\d:]+))?(?P<options>(/\w+=[^/]+)*)"
)
_FACTOR = re.compile(r"(queues\.(?P<queue>[^.=]+)\.)?(?P<what>calls|handling)\*(?P<factor>[\d.]+)")
_KEY = re.compile(r"queues\.(?P<queue>[^.=]+)\.(?P<key>[\w.]+)=(?P<value>.*)")
_PRIORITY = re.compile(r"(?P<tier>[^.=]+)\.priority=(?P<value>.*)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")

EXAMPLES = "agents+2@10:00-12:00, vip.priority=120, queues.service.ring_for_s=12, calls*1.1, handling*0.9"
UNWORDED = frozenset({"overflow", "rules", "widening"})
"""Keys whose values are tables, which a word cannot hold."""


def read(word: str) -> Change:
    """Read one change. Raises ChangeError, which says what was expected."""
    for pattern, make in ((_AGENTS, _agents), (_FACTOR, _factor), (_KEY, _queue_key), (_PRIORITY, _priority)):
        found = pattern.fullmatch(word)
        if found is not None:
            return make(word, found)
    if word.startswith("agents"):
        raise ChangeError(f"{word}: write agents+N or agents-N and the time, e.g. agents+2@10:00-12:00")
    raise ChangeError(f"{word}: not a change; write for example {EXAMPLES}")


def _agents(word: str, found: re.Match[str]) -> Change:
    start, end = -math.inf, math.inf
    if found["start"] is not None:
        start, end = _time(word, found["start"]), _time(word, found["end"])
    if end <= start:
        end += DAY_S  # into the next day
    options = dict(option.split("=", 1) for option in found["options"].split("/") if option)
    unknown = options.keys() - {"like", "skills"}
    if unknown:
        raise ChangeError(f"{word}: there is no /{unknown.pop()}=; there are /like=AGENT and /skills=NAME:LEVEL,NAME")
    kind = MoreAgents if found["sign"] == "+" else FewerAgents
    like = AgentId(options["like"]) if "like" in options else None
    return kind(int(found["count"]), start, end, _skills(word, options.get("skills", "")), like)


def _skills(word: str, text: str) -> dict[SkillName, int]:
    skills: dict[SkillName, int] = {}
    for part in filter(None, text.split(",")):
        name, _, level = part.partition(":")
        if level and not level.isdecimal():
            raise ChangeError(f"{word}: the level of {name} is a number, e.g. /skills={name}:2")
        skills[SkillName(name)] = int(level or 1)
    return skills


def _time(word: str, text: str) -> float:
    """Seconds since midnight."""
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 24 or int(found[2]) > 59:
        raise ChangeError(f"{word}: {text} is not a time; write HH:MM, from 00:00 to 24:00")
    return int(found[1]) * 3_600.0 + int(found[2]) * 60.0


def _factor(word: str, found: re.Match[str]) -> Change:
    try:
        factor = float(found["factor"])
    except ValueError as error:
        raise ChangeError(f"{word}: {found['factor']} is not a factor; 1.1 means a tenth more") from error
    queue = _queue(found["queue"])
    return MoreCalls(factor, queue) if found["what"] == "calls" else HandlingTimes(factor, queue)


def _queue(name: str | None) -> QueueName | None:
    return None if name in (None, "*") else QueueName(name or "")


def _priority(word: str, found: re.Match[str]) -> Change:
    return PriorityFor(found["tier"], _seconds(word, found["value"]))


def _seconds(word: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ChangeError(f"{word}: {text!r} is not a number of seconds") from error


def _queue_key(word: str, found: re.Match[str]) -> Change:
    queue, key, text = _queue(found["queue"]), found["key"], found["value"]
    if key == "ring_for_s":
        return RingFor(queue, _seconds(word, text))
    if key == "strategy":
        if text not in list(Strategy):
            raise ChangeError(f"{word}: there is no strategy {text}; there are {', '.join(Strategy)}")
        return StrategyIs(queue, Strategy(text))
    if key in UNWORDED:
        raise ChangeError(f"{word}: {key} holds a table; change it in the settings file and compare two days")
    value: Setting = _skills(word, text) if key == "skills" else None if text == "none" else text
    try:
        set_key(QueueSettings(QueueName("any")), key, value)
    except ChangeError as error:
        raise ChangeError(f"{word}: {error}") from error
    return QueueKey(queue, key, value)
