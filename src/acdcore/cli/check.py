"""`acdcore check`: reads what a start reads, looks at the machine, and reports problems without starting anything."""

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from acdcore.calls.model.commands import ReloadReport
from acdcore.cli.reload import print_reload_report, request_reload
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    Exit,
    KeyFileOption,
    err,
    plain_errors,
    print_note,
    print_warning,
)
from acdcore.cli.support.http_client import DaemonAddress, daemon_at
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, read_snapshot
from acdcore.configuration.warnings import config_notes, config_warnings
from acdcore.control.settings import Right
from acdcore.daemon.preflight import Findings, errors_beside, preflight, voice_warnings
from acdcore.ivr.model.flow import Language, PromptKey
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.storage.stores.seed import AGENTS_FILE

AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against-running",
        metavar="URL",
        help="Also ask the daemon there what a reload of its own files would change, such as http://127.0.0.1:8080.",
    ),
]


StrictOption = Annotated[bool, typer.Option("--strict", help="End with status 1 for warnings too.")]


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    against_running: AgainstOption = None,
    key_file: KeyFileOption = None,
    strict: StrictOption = False,
) -> None:
    """Read all settings, look at this machine, and report what is wrong, without starting anything.

    It reads settings, flows, calendars, prompts with their recordings, agents.toml and customers.toml. It looks at
    addresses, ports, directories and the speech synthesis. Each mistake is one line: file, key, what is wrong, what to
    do. Red lines are mistakes, yellow lines are warnings. A note says what could be better.

    Exit status: 0 good, warnings or not; 1 with mistakes, and with --strict for warnings too, but never for notes; 2
    for a wrong command line.
    """
    with plain_errors():
        snapshot, findings = _read(config)
        warnings = [*findings.warnings, *_config_warnings(snapshot, findings)]
        for warning in warnings:
            print_warning(f"{config}: {warning}")
        remarks = config_notes(snapshot)
        for remark in remarks:
            print_note(f"{config}: {remark}")
        said = (
            f"{config} is good; trunks: {len(snapshot.settings.trunks)}, queues: {len(snapshot.settings.queues)}, "
            f"flows: {len(snapshot.flows)}, prompts: {len(snapshot.prompts)}"
        )
        said += f", recorded: {in_languages(findings.recorded)}" if findings.recorded else ""
        said += f", warnings: {len(warnings)}" if warnings else ""
        said += f", notes: {len(remarks)}" if remarks else ""
        err().print(said, soft_wrap=True, markup=False)
        if strict and warnings:
            raise typer.Exit(Exit.BAD)
        if against_running is None:
            return
        body = request_reload(daemon_at(DaemonAddress(config, against_running, key_file), Right.ADMIN), is_dry_run=True)
    report = TypeAdapter(ReloadReport).validate_json(body)
    print_reload_report(report)
    if report.problems:
        raise typer.Exit(Exit.BAD)


def in_languages(recorded: Iterable[PromptKey]) -> str:
    """`12 cmn, 3 en`."""
    counts = Counter(key.language for key in recorded)
    return ", ".join(f"{counts[language]} {language.value}" for language in Language if counts[language])


def _read(config: Path) -> tuple[Snapshot, Findings]:
    """Settings, flows, calendars and prompts; raises SettingsError with every mistake in any of them."""
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        raise_together([error, *errors_beside(config)])
        raise
    snapshot, errors = read_snapshot(settings, config)
    findings = preflight(snapshot)
    raise_together([*errors, *findings.errors])
    return snapshot, findings


def _config_warnings(snapshot: Snapshot, findings: Findings) -> list[str]:
    """Warnings about the settings alone, then about the settings together with agents.toml."""
    now = datetime.now(UTC)
    alone = config_warnings(snapshot, (), now)
    together = config_warnings(snapshot, findings.agents, now) if findings.agents else ()
    return [*alone, *(f"with {AGENTS_FILE}: {warning}" for warning in together if warning not in alone)]


def warn(snapshot: Snapshot, config: Path) -> None:
    """Print warnings about settings that are allowed but are probably a mistake, except those about stored agents."""
    for warning in (*voice_warnings(snapshot), *config_warnings(snapshot, (), datetime.now(UTC))):
        print_warning(f"{config}: {warning}")
    for remark in config_notes(snapshot):
        print_note(f"{config}: {remark}")
