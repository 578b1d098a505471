"""`acdcore retention`: have the running daemon delete what is past its retention, or say what that is."""

from typing import Annotated

import typer
from pydantic import TypeAdapter

from acdcore.calls.model.commands import RetentionReport
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    KeyFileOption,
    UrlOption,
    plain_errors,
    show,
    show_raw_json,
)
from acdcore.cli.support.http_client import DaemonAddress, daemon_at
from acdcore.control.settings import Right

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")]


def retention(
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Have the running daemon delete what is past the limits of [retention]; each hour it does so by itself."""
    with plain_errors():
        daemon = daemon_at(DaemonAddress(config, url, key_file), Right.ADMIN)
        body = daemon.ask("POST", "/v1/retention", body={"dry_run": dry_run})
    if as_json:
        show_raw_json(body)
        return
    show(report_in_words(TypeAdapter(RetentionReport).validate_json(body)))


def report_in_words(report: RetentionReport) -> str:
    """The report in one line."""
    verb = "would be deleted" if report.is_dry_run else "deleted"
    things = [f"{report.recordings} recordings ({report.recordings_bytes / 1e6:,.1f} MB)"]
    things += [f"{count} rows of {table}" for table, count in report.rows.items()]
    if report.refused_bytes:
        things.append(f"{report.refused_bytes} bytes of refused rows")
    more = "" if report.is_complete else "; one pass does not delete all that is past its retention; run it again"
    return f"{verb}: {', '.join(things)}{more}"
