"""`acdcore why CALL`: why a caller still waits, or what happened to an ended call and why."""

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
from acdcore.calls.model.history import KINDS, CallOffered
from acdcore.calls.model.ports import CallHistory
from acdcore.calls.model.rows import CallEventRow, CdrRow, Detail
from acdcore.cli.support.call_trace import local_time, moment_in_trace, trace, trace_fields
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    KeyFileOption,
    UrlOption,
    err,
    plain_errors,
    print_warning,
    show,
    show_json,
    show_raw_json,
)
from acdcore.cli.support.http_client import Daemon, DaemonAddress, RefusedByDaemon, daemon_at, in_path
from acdcore.cli.support.recorded_day import BadArgument, JournalLocation, JournalOption, ZoneOption, zone_of
from acdcore.control.settings import Right
from acdcore.kernel.errors import AcdError, SettingsError, Unavailable
from acdcore.kernel.ids import CallId
from acdcore.planning import explained
from acdcore.planning.explained import CallExplanation
from acdcore.storage.journal.files import segment_files

CALL_HELP = "The call's id, as in GET /v1/calls and in the records."
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="HH:MM:SS", help="The call at this moment of its wait, from the journal.")
]
TopOption = Annotated[
    int, typer.Option("--top", min=1, help="Candidates to show for each offer; the others are counted.")
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon answered about a call; one of the three fields is set."""

    waiting: bytes | None = None
    """Why it still waits, as JSON; None when it does not wait."""
    ended: bytes | None = None
    """Its history, as JSON; None when there is none."""
    problem: AcdError | None = None
    """Why the daemon gave neither; None when it gave one."""


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
    """Show why a caller still waits: needs, candidates and the filter that removed each, timers, what would change it.

    For an ended call it shows, from the journal, what happened and why: each offer with its candidates at that moment
    and the callers who also waited. --at shows any moment of the wait. With --at or --journal the daemon is not asked.
    """
    with plain_errors():
        place, local = JournalLocation(config, journal), zone_of(zone)
        if at is not None or journal is not None:
            answer = Answer()
        else:
            answer = ask_daemon(daemon_at(DaemonAddress(config, url, key_file), Right.READ), call)
        if answer.waiting is not None:
            show_waiting(answer.waiting, as_json)
            return
        explanation = explain_call(place, CallId(call), answer, None if at is None else moment_of(at), local)
        if as_json:
            show_past_json(answer.ended, explanation)
        elif at is not None:
            show_moment(explanation, local, top)
        else:
            show_past(answer.ended, explanation, local, top)


def ask_daemon(daemon: Daemon, call: str) -> Answer:
    """What the daemon says about the call. For a live call that does not wait, the journal still has its past."""
    try:
        return Answer(waiting=daemon.ask("GET", f"/v1/calls/{in_path(call)}/why"))
    except Unavailable as error:
        return Answer(problem=error)
    except RefusedByDaemon as error:
        if error.code == "wrong_state":
            return Answer(problem=error)
        if error.code != "unknown_call":
            raise
    try:
        return Answer(ended=daemon.ask("GET", f"/v1/history/{in_path(call)}"))
    except RefusedByDaemon as error:
        return Answer(problem=error)


def moment_of(word: str) -> time:
    """`08:30:05`; raises BadArgument."""
    try:
        return time.fromisoformat(word).replace(tzinfo=None)
    except ValueError:
        raise BadArgument(f"{word} is not a time of day; write 08:30:05") from None


def explain_call(
    place: JournalLocation, call: CallId, answer: Answer, at: time | None, zone: tzinfo | None
) -> CallExplanation | None:
    """The call's trace through the queues; None when only its history is known, with a note why if it was queued.

    Raises the daemon's error when the journal has nothing more, SettingsError, Unavailable.
    """
    try:
        explanation = from_journal(place, call, at, zone)
    except (SettingsError, Unavailable) as error:
        if answer.problem is not None:
            raise answer.problem from error
        if answer.ended is None:
            raise
        if TypeAdapter(CallHistory).validate_json(answer.ended).cdr.queued_at is not None:
            print_warning(f"the reasons of the offers are not known: {error}")
        return None
    for problem in explanation.problems:
        print_warning(f"not read: {problem}")
    if not explanation.is_as_recorded:
        print_warning(
            "this version decides differently from the one that served the call; the reasons may have been others"
        )
    return explanation


def from_journal(place: JournalLocation, call: CallId, at: time | None, zone: tzinfo | None) -> CallExplanation:
    """Fold the segments that name the call; raises SettingsError for a directory that cannot be read, Unavailable when
    it has nothing about the call."""
    directory = place.path()
    try:
        files = explained.candidate_segments(segment_files(directory), call)
    except OSError as error:
        raise SettingsError(str(directory), "", f"cannot be read: {error.strerror}") from error
    with journal_progress() as tell:
        explanation = explained.explain(files, call, at, zone, tell)
    if not explanation.steps:
        problems = "".join(f"; not read: {problem}" for problem in explanation.problems)
        raise Unavailable(f"the journal in {directory} has no call {call} in a queue{problems}")
    return explanation


@contextmanager
def journal_progress() -> Iterator[explained.Progress]:
    """A progress bar on a terminal while the journal is folded: a segment takes some seconds."""
    columns = (TextColumn("reading the journal"), BarColumn(), MofNCompleteColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# ---- what is shown ------------------------------------------------------------------------------------------------


def show_waiting(body: bytes, as_json: bool) -> None:
    """Print why a caller waits now."""
    if as_json:
        show_raw_json(body)
    else:
        show(waiting_call(TypeAdapter(Why).validate_json(body)))


def show_past_json(history: bytes | None, explanation: CallExplanation | None) -> None:
    """Print the daemon's history, if it was asked, and the call trace, as one JSON object."""
    fields = orjson.loads(history) if history is not None else {"cdr": None, "events": []}
    show_json({**fields, "explained": None if explanation is None else trace_fields(explanation)})


def show_moment(explanation: CallExplanation | None, zone: tzinfo | None, top: int) -> None:
    """Print the call at the moment asked for; raises Unavailable when it did not wait then."""
    if explanation is None:
        return
    if explanation.moment is None or explanation.moment.wall > datetime.now(UTC):
        first, last = local_time(explanation.steps[0].wall, zone), local_time(explanation.steps[-1].wall, zone)
        raise Unavailable(f"the call did not wait then; it joined at {first}, and the last entry about it is of {last}")
    show(moment_in_trace(explanation.moment, explanation.names, zone, top))


def show_past(history: bytes | None, explanation: CallExplanation | None, zone: tzinfo | None, top: int) -> None:
    """Print what happened and why."""
    if history is not None:
        show(ended_call(TypeAdapter(CallHistory).validate_json(history), is_why_shown=explanation is not None))
    if explanation is None:
        return
    if history is None:
        show(f"call {explanation.call}, caller {explanation.label or 'withheld'}")
    show("")
    show(f"in the queues, on {explanation.steps[0].wall.astimezone(zone):%Y-%m-%d}:")
    show(trace(explanation, zone, top))


def waiting_call(why: Why) -> RenderableType:
    """Print a waiting caller as tables."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("call", why.call_id)
    facts.add_row("queue", f"{why.queue}, position {why.position}, waited {why.waited_s:g} s")
    facts.add_row("needs", why.needs or "no skill")
    facts.add_row("order key", why.key)
    facts.add_row("blocked by", why.blocked_by or "nothing")
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


def ended_call(history: CallHistory, *, is_why_shown: bool) -> RenderableType:
    """Print a call's record and events; the order keys of its offers only when there is no trace with them."""
    cdr = history.cdr
    facts = Table.grid(padding=(0, 2))
    facts.add_row("call", f"{cdr.call_id} (ended)")
    facts.add_row("caller", f"{cdr.caller or 'withheld'} to {cdr.dialled}")
    facts.add_row("queue", f"{cdr.queue or 'none'}, waited {cdr.wait_s:g} s, phones rang {cdr.ring_s:g} s")
    how = "" if cdr.end_cause is None else f" ({cdr.end_cause.value.replace('_', ' ')})"
    facts.add_row("ended", f"{cdr.outcome.value} by {cdr.ended_by.value}{how}, served by {cdr.served_by or 'nobody'}")
    way = ("", segment_table(cdr)) if cdr.segments else ()
    return Group(facts, *way, "", event_table(history.events, cdr.arrived_at, is_why_shown))


def segment_table(cdr: CdrRow) -> Table:
    """One row for each segment: a queue, an agent or an external number."""
    table = Table("after", "for", "what", "who", "talk", "ended", title="segments of the call", title_justify="left")
    for part in cdr.segments:
        after_s = (part.began_at - cdr.arrived_at).total_seconds()
        lasted_s = (part.ended_at - part.began_at).total_seconds()
        who = part.agent or part.number or part.queue or ""
        talk = f"{part.talk_s:.1f} s" if part.talk_s else ""
        table.add_row(
            f"{after_s:.1f} s", f"{lasted_s:.1f} s", part.kind.value, who, talk, part.end.value.replace("_", " ")
        )
    return table


def event_table(rows: Iterable[CallEventRow], arrived_at: datetime, is_why_shown: bool) -> Table:
    """One row for each event."""
    table = Table("after", "what", "facts", title="what happened", title_justify="left")
    for row in rows:
        is_told_below = is_why_shown and row.kind == KINDS[CallOffered]
        detail = {name: value for name, value in row.detail.items() if not (is_told_below and name == "why")}
        table.add_row(
            f"{(row.at - arrived_at).total_seconds():.1f} s", row.kind.replace("_", " "), detail_in_words(detail)
        )
    return table


def detail_in_words(detail: Detail) -> str:
    """The fields of an event that are not empty."""
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in ("", None))
