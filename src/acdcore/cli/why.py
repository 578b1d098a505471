"""`acdcore why CALL`: why a caller still waits, or how the offers of an ended call went."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.table import Table

from acdcore.calls.commands import Why
from acdcore.calls.ports import CallEventRow, CallStory, Detail
from acdcore.cli.daemon import Daemon, Declined, Reach, daemon_at, in_path
from acdcore.cli.terminal import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    KeyFileOption,
    UrlOption,
    plain_errors,
    show,
    show_raw_json,
)
from acdcore.control.settings import Right

CALL_HELP = "The call's id, as GET /v1/calls and the records show it."


def why(
    call: Annotated[str, typer.Argument(help=CALL_HELP)],
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a caller still waits: needs, candidates and the filter that removed each, timers, what would change it.

    For an ended call: what happened to it, each offer with the order key that decided.
    """
    with plain_errors():
        daemon = daemon_at(Reach(config, url, key_file), Right.READ)
        is_live, body = asked(daemon, call)
        if as_json:
            show_raw_json(body)
        elif is_live:
            show(waiting(TypeAdapter(Why).validate_json(body)))
        else:
            show(ended(TypeAdapter(CallStory).validate_json(body)))


def asked(daemon: Daemon, call: str) -> tuple[bool, bytes]:
    """Whether the call is up, and what the daemon says of it; raises Declined when it knows no such call."""
    try:
        return True, daemon.ask("GET", f"/v1/calls/{in_path(call)}/why")
    except Declined as error:
        if error.code != "unknown_call":
            raise
    return False, daemon.ask("GET", f"/v1/history/{in_path(call)}")


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


def ended(story: CallStory) -> RenderableType:
    """A call's events, told from its arrival."""
    cdr = story.cdr
    facts = Table.grid(padding=(0, 2))
    facts.add_row("call", f"{cdr.call_id} (ended)")
    facts.add_row("caller", f"{cdr.caller or 'withheld'} to {cdr.dialled}")
    facts.add_row("queue", f"{cdr.queue or 'none'}, waited {cdr.wait_s:g} s, phones rang {cdr.ring_s:g} s")
    facts.add_row("ended", f"{cdr.outcome.value} by {cdr.ended_by.value}, agent {cdr.agent or 'none'}")
    return Group(facts, "", events(story.events, cdr.arrived_at))


def events(rows: Iterable[CallEventRow], arrived_at: datetime) -> Table:
    """One line an event."""
    table = Table("after", "what", "facts", title="what happened", title_justify="left")
    for row in rows:
        table.add_row(
            f"{(row.at - arrived_at).total_seconds():.1f} s", row.kind.replace("_", " "), in_words(row.detail)
        )
    return table


def in_words(detail: Detail) -> str:
    """The facts that say something."""
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in ("", None))
