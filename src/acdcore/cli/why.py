"""`acdcore why CALL`: why a caller still waits, or why a call of the past went as it went."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Annotated

import orjson
import typer
from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from acdcore.calls.model.commands import Why
from acdcore.calls.model.history import KINDS, Offered
from acdcore.calls.model.ports import CallStory
from acdcore.calls.model.rows import CallEventRow, CdrRow, Detail
from acdcore.cli.support.call_trace import as_fields, clock, standing, story
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    KeyFileOption,
    UrlOption,
    caution,
    err,
    plain_errors,
    show,
    show_json,
    show_raw_json,
)
from acdcore.cli.support.http_client import Daemon, Declined, Reach, daemon_at, in_path
from acdcore.cli.support.recorded_day import JournalOption, JournalPlace, WrongWord, ZoneOption, zone_of
from acdcore.control.settings import Right
from acdcore.kernel.errors import AcdError, SettingsError, Unavailable
from acdcore.kernel.ids import CallId
from acdcore.planning import explained as past
from acdcore.planning.explained import Explained
from acdcore.storage.journal.files import segment_files

CALL_HELP = "The call's id, as GET /v1/calls and the records show it."
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="HH:MM:SS", help="The call at this moment of its wait, from the journal.")
]
TopOption = Annotated[int, typer.Option("--top", min=1, help="Candidates shown of each offer; the rest is counted.")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon says of a call."""

    waiting: bytes | None = None
    """Why it still waits, as JSON."""
    ended: bytes | None = None
    """Its history, as JSON."""
    problem: AcdError | None = None
    """Why it says neither."""


def why(
    call: Annotated[str, typer.Argument(help=CALL_HELP)],
    at: AtOption = None,
    top: TopOption = 5,
    zone: ZoneOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    journal: JournalOption = None,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a caller still waits: needs, candidates and the filter that removed each, timers, what would change it.

    For a call of the past: what happened and why, each offer with its candidates as they were and who else waited,
    from the journal; --at tells any moment of the wait. With --at or --journal the daemon is not asked.
    """
    with plain_errors():
        place, local = JournalPlace(config, journal), zone_of(zone)
        if at is not None or journal is not None:
            answer = Answer()
        else:
            answer = asked(daemon_at(Reach(config, url, key_file), Right.READ), call)
        if answer.waiting is not None:
            show_waiting(answer.waiting, as_json)
            return
        told = explained_of(place, CallId(call), answer, None if at is None else moment_of(at), local)
        if as_json:
            show_past_json(answer.ended, told)
        elif at is not None:
            show_standing(told, local, top)
        else:
            show_past(answer.ended, told, local, top)


def asked(daemon: Daemon, call: str) -> Answer:
    """What the daemon says of the call; a call that is up but does not wait has a past in the journal all the same."""
    try:
        return Answer(waiting=daemon.ask("GET", f"/v1/calls/{in_path(call)}/why"))
    except Unavailable as error:
        return Answer(problem=error)
    except Declined as error:
        if error.code == "wrong_state":
            return Answer(problem=error)
        if error.code != "unknown_call":
            raise
    try:
        return Answer(ended=daemon.ask("GET", f"/v1/history/{in_path(call)}"))
    except Declined as error:
        return Answer(problem=error)


def moment_of(word: str) -> time:
    """`08:30:05`; raises WrongWord."""
    try:
        return time.fromisoformat(word).replace(tzinfo=None)
    except ValueError:
        raise WrongWord(f"{word} is not a time of day; write 08:30:05") from None


def explained_of(
    place: JournalPlace, call: CallId, answer: Answer, at: time | None, zone: tzinfo | None
) -> Explained | None:
    """The call's way through the queues; None when only its history is known, with a word about it if it had one.

    Raises what the daemon's problem was when the journal knows no more, SettingsError, Unavailable.
    """
    try:
        told = from_journal(place, call, at, zone)
    except (SettingsError, Unavailable) as error:
        if answer.problem is not None:
            raise answer.problem from error
        if answer.ended is None:
            raise
        if TypeAdapter(CallStory).validate_json(answer.ended).cdr.queued_at is not None:
            caution(f"the offers' reasons are not known: {error}")
        return None
    for problem in told.problems:
        caution(f"not read: {problem}")
    if not told.is_as_recorded:
        caution("this version decides otherwise than the one that served the call; reasons may differ from those then")
    return told


def from_journal(place: JournalPlace, call: CallId, at: time | None, zone: tzinfo | None) -> Explained:
    """Fold what names the call; raises SettingsError for a directory that cannot be read, Unavailable when it has
    nothing of the call."""
    directory = place.path()
    try:
        files = past.candidates(segment_files(directory), call)
    except OSError as error:
        raise SettingsError(str(directory), "", f"cannot be read: {error.strerror}") from error
    with progress() as tell:
        told = past.explain(files, call, at, zone, tell)
    if not told.steps:
        problems = "".join(f"; not read: {problem}" for problem in told.problems)
        raise Unavailable(f"the journal in {directory} has no call {call} in a queue{problems}")
    return told


@contextmanager
def progress() -> Iterator[past.Progress]:
    """A bar on a terminal while the journal is folded: a segment takes some seconds."""
    columns = (TextColumn("reading the journal"), BarColumn(), MofNCompleteColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# ---- what is shown ------------------------------------------------------------------------------------------------


def show_waiting(body: bytes, as_json: bool) -> None:
    """A caller who waits now."""
    if as_json:
        show_raw_json(body)
    else:
        show(waiting(TypeAdapter(Why).validate_json(body)))


def show_past_json(history: bytes | None, told: Explained | None) -> None:
    """The daemon's history, if it was asked, and beside it the story."""
    fields = orjson.loads(history) if history is not None else {"cdr": None, "events": []}
    show_json({**fields, "explained": None if told is None else as_fields(told)})


def show_standing(told: Explained | None, zone: tzinfo | None, top: int) -> None:
    """The call at the moment asked for; raises Unavailable when it did not wait then."""
    if told is None:
        return
    if told.standing is None or told.standing.wall > datetime.now(UTC):
        first, last = clock(told.steps[0].wall, zone), clock(told.steps[-1].wall, zone)
        raise Unavailable(f"the call did not wait then; it joined at {first}, the last news of it is of {last}")
    show(standing(told.standing, told.names, zone, top))


def show_past(history: bytes | None, told: Explained | None, zone: tzinfo | None, top: int) -> None:
    """What happened, and why."""
    if history is not None:
        show(ended(TypeAdapter(CallStory).validate_json(history), is_why_told=told is not None))
    if told is None:
        return
    if history is None:
        show(f"call {told.call}, caller {told.label or 'withheld'}")
    show("")
    show(f"in the queues, on {told.steps[0].wall.astimezone(zone):%Y-%m-%d}:")
    show(story(told, zone, top))


def waiting(why: Why) -> RenderableType:
    """A waiting caller."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("call", why.call_id)
    facts.add_row("queue", f"{why.queue}, position {why.position}, waited {why.waited_s:g} s")
    facts.add_row("needs", why.needs or "no skill")
    facts.add_row("order key", why.key)
    facts.add_row("held back by", why.held_back_by or "nothing")
    agents = Table("agent", "name", "removed by", "detail", "order key", title="candidates", title_justify="left")
    for one in why.candidates:
        agents.add_row(one.agent, one.name, one.removed_by or "(eligible)", one.detail, one.key)
    parts: list[RenderableType] = [facts, "", agents]
    if why.timers:
        timers = Table("in", "what", title="running timers", title_justify="left")
        for timer in why.timers:
            timers.add_row(f"{timer.in_s:g} s", timer.name)
        parts += ["", timers]
    if why.would_change:
        parts += ["", "what would change it:", *(f"  - {line}" for line in why.would_change)]
    return Group(*parts)


def ended(story: CallStory, *, is_why_told: bool) -> RenderableType:
    """A call's events, told from its arrival; the offers' keys only when nothing else tells of them."""
    cdr = story.cdr
    facts = Table.grid(padding=(0, 2))
    facts.add_row("call", f"{cdr.call_id} (ended)")
    facts.add_row("caller", f"{cdr.caller or 'withheld'} to {cdr.dialled}")
    facts.add_row("queue", f"{cdr.queue or 'none'}, waited {cdr.wait_s:g} s, phones rang {cdr.ring_s:g} s")
    how = "" if cdr.end_cause is None else f" ({cdr.end_cause.value.replace('_', ' ')})"
    facts.add_row("ended", f"{cdr.outcome.value} by {cdr.ended_by.value}{how}, served by {cdr.served_by or 'nobody'}")
    way = ("", parts(cdr)) if cdr.segments else ()
    return Group(facts, *way, "", events(story.events, cdr.arrived_at, is_why_told))


def parts(cdr: CdrRow) -> Table:
    """One line for each queue, agent and number outside."""
    table = Table("after", "for", "what", "who", "talk", "ended", title="parts of the call", title_justify="left")
    for part in cdr.segments:
        after_s = (part.began_at - cdr.arrived_at).total_seconds()
        lasted_s = (part.ended_at - part.began_at).total_seconds()
        who = part.agent or part.number or part.queue or ""
        talk = f"{part.talk_s:.1f} s" if part.talk_s else ""
        table.add_row(
            f"{after_s:.1f} s", f"{lasted_s:.1f} s", part.kind.value, who, talk, part.end.value.replace("_", " ")
        )
    return table


def events(rows: Iterable[CallEventRow], arrived_at: datetime, is_why_told: bool) -> Table:
    """One line an event."""
    table = Table("after", "what", "facts", title="what happened", title_justify="left")
    for row in rows:
        is_told_below = is_why_told and row.kind == KINDS[Offered]
        detail = {name: value for name, value in row.detail.items() if not (is_told_below and name == "why")}
        table.add_row(f"{(row.at - arrived_at).total_seconds():.1f} s", row.kind.replace("_", " "), in_words(detail))
    return table


def in_words(detail: Detail) -> str:
    """The facts that say something."""
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in ("", None))
