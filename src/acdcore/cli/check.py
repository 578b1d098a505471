"""`acdcore check`: all that a start reads and finds on the machine, judged without starting anything."""

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from acdcore.calls.model.commands import ReloadReport
from acdcore.cli.reload import reloaded, tell
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    Exit,
    KeyFileOption,
    caution,
    err,
    note,
    plain_errors,
)
from acdcore.cli.support.http_client import Reach, daemon_at
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Plan, read_plan
from acdcore.configuration.warnings import advice, notes
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
    """Read all settings and look at this machine, and say what is wrong, without starting anything.

    Read are settings, flows, calendars, prompts with their recordings, agents.toml and customers.toml; looked at are
    addresses, ports, directories and the speech synthesis. One line for each mistake: file, key, what is wrong, what to
    do. Red lines are mistakes, yellow ones warnings; a note says what could be better.

    Exit status: 0 good, warnings or not; 1 with mistakes, and with --strict for warnings too, but never for notes; 2
    for a wrong command line.
    """
    with plain_errors():
        plan, findings = _read(config)
        warnings = [*findings.warnings, *_advice(plan, findings)]
        for warning in warnings:
            caution(f"{config}: {warning}")
        remarks = notes(plan)
        for remark in remarks:
            note(f"{config}: {remark}")
        said = (
            f"{config} is good; trunks: {len(plan.settings.trunks)}, queues: {len(plan.settings.queues)}, "
            f"flows: {len(plan.flows)}, prompts: {len(plan.prompts)}"
        )
        said += f", recorded: {in_languages(findings.recorded)}" if findings.recorded else ""
        said += f", warnings: {len(warnings)}" if warnings else ""
        said += f", notes: {len(remarks)}" if remarks else ""
        err().print(said, soft_wrap=True, markup=False)
        if strict and warnings:
            raise typer.Exit(Exit.BAD)
        if against_running is None:
            return
        body = reloaded(daemon_at(Reach(config, against_running, key_file), Right.ADMIN), is_dry_run=True)
    report = TypeAdapter(ReloadReport).validate_json(body)
    tell(report)
    if report.problems:
        raise typer.Exit(Exit.BAD)


def in_languages(recorded: Iterable[PromptKey]) -> str:
    """`12 cmn, 3 en`."""
    counts = Counter(key.language for key in recorded)
    return ", ".join(f"{counts[language]} {language.value}" for language in Language if counts[language])


def _read(config: Path) -> tuple[Plan, Findings]:
    """Everything; raises SettingsError for all that is wrong anywhere."""
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        raise_together([error, *errors_beside(config)])
        raise
    plan, errors = read_plan(settings, config)
    findings = preflight(plan)
    raise_together([*errors, *findings.errors])
    return plan, findings


def _advice(plan: Plan, findings: Findings) -> list[str]:
    """What the settings say by themselves, then what they say together with agents.toml."""
    now = datetime.now(UTC)
    alone = advice(plan, (), now)
    together = advice(plan, findings.agents, now) if findings.agents else ()
    return [*alone, *(f"with {AGENTS_FILE}: {warning}" for warning in together if warning not in alone)]


def warn(plan: Plan, config: Path) -> None:
    """What the settings allow but surely do not mean; what depends on the agents only a running daemon can tell."""
    for warning in (*voice_warnings(plan), *advice(plan, (), datetime.now(UTC))):
        caution(f"{config}: {warning}")
    for remark in notes(plan):
        note(f"{config}: {remark}")
