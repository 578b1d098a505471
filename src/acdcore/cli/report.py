"""`acdcore report queues|agents`: the daemon's figures as a table."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.table import Table

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
from acdcore.cli.support.recorded_day import BadArgument, ZoneOption, zone_of
from acdcore.control.reports import QueueVisitReport, ReportRow
from acdcore.control.settings import Right
from acdcore.reports.formulas import Count, Figure
from acdcore.reports.grouping import Interval

TIME_HELP = "A day or a time of day: 2026-11-21, 2026-11-21T08:30, today, yesterday."
FromOption = Annotated[str, typer.Option("--from", help=TIME_HELP)]
ToOption = Annotated[str, typer.Option("--to", help="The end; without it now.")]
IntervalOption = Annotated[Interval, typer.Option("--interval", help="Intervals that divide the time.")]
QueueOption = Annotated[str, typer.Option("--queue", help="Only this queue.")]
AgentOption = Annotated[str, typer.Option("--agent", help="Only this agent.")]
ChannelOption = Annotated[
    str, typer.Option("--channel", help="call, callback, voicemail, several with commas, or all; see docs/reports.md.")
]
ReceiptOption = Annotated[
    str, typer.Option("--receipt", help="A count or a figure of the total: list the calls behind it.")
]
SHOWN_COUNTS = (
    (Count.OFFERED, "offered"),
    (Count.ANSWERED, "answered"),
    (Count.ABANDONED, "abandoned"),
    (Count.ABANDONED_SHORT, "short"),
    (Count.OVERFLOWED, "overflowed"),
)
SHOWN_FIGURES = (
    (Figure.SERVICE_LEVEL, "in time"),
    (Figure.AVERAGE_SPEED_OF_ANSWER_S, "ASA"),
    (Figure.WAIT_P95_S, "wait p95"),
    (Figure.AVERAGE_HANDLING_S, "AHT"),
    (Figure.OCCUPANCY, "occupancy"),
)
"""The figures that fit on a terminal, with their titles; --json gives every figure."""

app = typer.Typer(help="Figures of queues and agents from the running daemon.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the command line asks for."""

    about: str
    """`queues` or `agents`."""
    since: str
    until: str
    interval: Interval
    zone: str
    queue: str
    agent: str
    channel: str
    """Channels separated by commas; empty: calls for queues, all channels for agents."""
    receipt: str

    def query(self) -> dict[str, str]:
        """The request as query parameters; raises BadArgument."""
        zone = zone_of(self.zone)
        query = {
            "from": moment(self.since, zone),
            "to": moment(self.until, zone) if self.until else "",
            "interval": self.interval.value,
            "zone": self.zone,
            "queue": self.queue,
            "agent": self.agent,
            "channel": self.channel,
            "receipts": self.receipt,
        }
        return {name: value for name, value in query.items() if value}


@app.command()
def queues(
    since: FromOption = "today",
    until: ToOption = "",
    interval: IntervalOption = Interval.WHOLE,
    queue: QueueOption = "",
    zone: ZoneOption = "",
    channel: ChannelOption = "",
    receipt: ReceiptOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show offered, answered, abandoned, service level, waits and handling time of each queue."""
    print_report(
        ReportRequest("queues", since, until, interval, zone, queue, "", channel, receipt),
        DaemonAddress(config, url, key_file),
        as_json,
    )


@app.command()
def agents(
    since: FromOption = "today",
    until: ToOption = "",
    interval: IntervalOption = Interval.WHOLE,
    agent: AgentOption = "",
    zone: ZoneOption = "",
    channel: ChannelOption = "",
    receipt: ReceiptOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each agent answered, how long it took, and the occupancy."""
    print_report(
        ReportRequest("agents", since, until, interval, zone, "", agent, channel, receipt),
        DaemonAddress(config, url, key_file),
        as_json,
    )


def print_report(wanted: ReportRequest, address: DaemonAddress, as_json: bool) -> None:
    """Ask and print."""
    with plain_errors():
        zone = zone_of(wanted.zone)
        body = daemon_at(address, Right.READ).ask("GET", f"/v1/reports/{wanted.about}", wanted.query())
    if as_json:
        show_raw_json(body)
    else:
        show(rendered(TypeAdapter(QueueVisitReport).validate_json(body), wanted.about, zone))


def moment(word: str, zone: tzinfo | None) -> str:
    """A time in RFC 3339. A day means its midnight; a time without a zone is in `zone`. Raises BadArgument."""
    today = datetime.now(zone).date()
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        local = datetime.combine(days[word], time()) if word in days else datetime.fromisoformat(word)
    except ValueError:
        raise BadArgument(f"{word} is not a time; write 2026-11-21 or 2026-11-21T08:30") from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone) if zone else local.astimezone()
    return local.isoformat()


def rendered(report: QueueVisitReport, about: str, zone: tzinfo | None) -> RenderableType:
    """The rows, the total, the formula of each column, and the receipt if one was asked for."""
    is_divided = report.interval is not Interval.WHOLE
    table = Table(*(["from"] if is_divided else []), about[:-1])
    for _, title in (*SHOWN_COUNTS, *SHOWN_FIGURES):
        table.add_column(title, justify="right")
    for line in report.rows:
        began = [line.began_at.astimezone(zone).strftime("%m-%d %H:%M")] if is_divided and line.began_at else []
        table.add_row(*began, row_name(line, about), *cells(line))
    table.add_section()
    table.add_row(*([""] if is_divided else []), "all", *cells(report.total))
    meanings = [f"{title} = {report.formulas[figure.value]}" for figure, title in SHOWN_FIGURES]
    parts: list[RenderableType] = [table, *meanings]
    if report.receipt is not None:
        counted = {(item.entry, item.n) for item in report.receipt.counted}
        receipt = Table(
            "call", "entry", "counted", "seconds", title=f"behind {report.receipt.of}", title_justify="left"
        )
        for item in report.receipt.over:
            is_counted = "yes" if (item.entry, item.n) in counted else ""
            receipt.add_row(item.call_id, f"{item.entry} {item.n}", is_counted, to_tenth(item.seconds))
        parts += ["", receipt]
    return Group(*parts)


def row_name(line: ReportRow, about: str) -> str:
    """The queue or the agent of a row."""
    return line.queue or "" if about == "queues" else line.agent or "nobody"


def cells(line: ReportRow) -> list[str]:
    """The counts and figures of a row."""
    counts = [str(line.counts[count.value]) for count, _ in SHOWN_COUNTS]
    return counts + [figure(name, line.figures[name.value]) for name, _ in SHOWN_FIGURES]


def figure(name: Figure, value: float | None) -> str:
    """A share in per cent, or a time in seconds."""
    if value is None:
        return "-"
    return f"{to_tenth(value)} s" if name.value.endswith("_s") else f"{value:.1%}"


def to_tenth(value: float | None) -> str:
    """A number rounded to a tenth."""
    return "" if value is None else f"{value:.1f}"
