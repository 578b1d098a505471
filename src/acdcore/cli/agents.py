"""`acdcore agents import`: have the running daemon take over what `agents.toml` says since its first start."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

import typer
from pydantic import TypeAdapter

from acdcore.cli.support.console import DEFAULT_CONFIG, ConfigOption, KeyFileOption, UrlOption, plain_errors, show
from acdcore.cli.support.http_client import Daemon, DaemonAddress, RefusedByDaemon, daemon_at, in_path
from acdcore.control.schemas import AgentProfile, NewAgent
from acdcore.control.settings import Right
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.storage.stores.seed import AGENTS_FILE, AgentEntry, checked_agents_in

OF_ONE_AGENT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Refusals that concern one agent only; the import goes on with the next."""
app = typer.Typer(help="The agents of the running daemon.", no_args_is_help=True)
UpdateOption = Annotated[
    bool, typer.Option("--update", help="Also change agents that the daemon knows, so that they match the file.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be added and changed.")]


@app.callback()
def group() -> None:
    """The agents of the running daemon."""


@app.command("import")
def import_(
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    update: UpdateOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Add the agents of agents.toml that the daemon does not know. The file lies beside the settings.

    Agents that the daemon knows are changed only with --update. Their passwords, and agents that the file does not
    name, are never changed. Where the file gives no password, one is generated and shown here only.
    """
    with plain_errors():
        file = config.parent / AGENTS_FILE
        entries = checked_agents_in(file)
        daemon = daemon_at(DaemonAddress(config, url, key_file), Right.ADMIN)
        refused: list[SettingsError] = []
        is_idle = True
        for place, entry in enumerate(entries):
            try:
                for line in import_agent(daemon, entry, update=update, dry_run=dry_run):
                    show(line)  # at once: a generated password is shown only here, even if a later agent fails
                    is_idle = False
            except RefusedByDaemon as error:
                if error.status not in OF_ONE_AGENT:
                    raise
                refused.append(SettingsError(str(file), f"agents.{place}", f"{entry.number} is refused: {error}"))
        raise_together(refused)
        if is_idle:
            show(f"nothing to do: the daemon knows every agent of {AGENTS_FILE} as it is there")


def import_agent(daemon: Daemon, entry: AgentEntry, *, update: bool, dry_run: bool) -> Iterator[str]:
    """Add or change one agent; says what was done, or would be."""
    path = f"/v1/agents/{in_path(entry.number)}"
    profile = profile_of(daemon, path)
    if profile is None:
        if dry_run:
            yield f"{entry.number} would be added"
            return
        card = {"number": entry.number, **entry.facts(), **({"password": entry.password} if entry.password else {})}
        made = TypeAdapter(NewAgent).validate_json(daemon.ask("POST", "/v1/agents", body=card)).password
        yield f"{entry.number} added" + (f", password of the phone {made}" if made else "")
        return
    changed = entry.differing(TypeAdapter(AgentProfile).dump_python(profile, mode="json"))
    if not changed:
        return
    named = ", ".join(changed)
    if not update:
        yield f"{entry.number} left as it is, differs in {named}; --update changes it"
    elif dry_run:
        yield f"{entry.number} would be changed: {named}"
    else:
        daemon.ask("PATCH", path, body={name: entry.facts()[name] for name in changed})
        yield f"{entry.number} changed: {named}"


def profile_of(daemon: Daemon, path: str) -> AgentProfile | None:
    """The agent as configured; None when the daemon knows none."""
    try:
        return TypeAdapter(AgentProfile).validate_json(daemon.ask("GET", f"{path}/profile"))
    except RefusedByDaemon as error:
        if error.status is HTTPStatus.NOT_FOUND:
            return None
        raise
