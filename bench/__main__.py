"""`python -m bench`: runs every benchmark, then prints a table and the JSON lines that it was made from."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

WITHIN_S = 600
"""Seconds for one benchmark; all of them together take about ten minutes."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One script and how it is called."""

    name: str
    """`bench.NAME`."""
    arguments: str
    """Arguments for the figures of the README."""
    quick: str
    """Arguments for a test of a minute that everything works."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The limit of a figure."""

    benchmark: str
    key: str
    limit: float
    meaning: str


BENCHMARKS = (
    Benchmark("dispatch", "--seconds 10", "--seconds 1 --agents 100 --waiting 200 --skills 20"),
    Benchmark("ringing", "--seconds 60", "--agents 40 --waiting 10 --talking 5 --queues 4 --seconds 4"),
    Benchmark("setups", "--rate 100 --seconds 12 --find-limit", "--rate 20 --seconds 3"),
    Benchmark("lines", "--lines 150,500,1000 --seconds 5", "--lines 10 --seconds 2 --windows 1"),
    Benchmark("stall", "--seconds 5 --rounds 2", "--lines 10 --seconds 3 --rounds 1"),
    Benchmark("attack", "--seconds 10", "--talks 5 --rate 300 --seconds 2 --phases quiet,rtp_silent,flood_one"),
)
GOALS = (
    Goal("dispatch", "p99_us", 100, "a decision at 1,300 agents and 5,000 waiting"),
    Goal("ringing", "failed", 0, "phones that did not ring"),
    Goal("ringing", "p99_ms", 10, "agent free to phone ringing, ms, at p99 with 1,300 agents and 500 waiting"),
    Goal("setups", "failed", 0, "set-ups that failed, at 100 a second"),
    Goal("lines", "failed", 0, "calls that failed"),
    Goal("lines", "loss", 0.0001, "loss"),
    Goal("lines", "cpu_ratio", 3, "processor time, the relay's as 1"),
    Goal("attack", "loss", 0.001, "loss in 50 talks while strangers attack"),
    Goal("attack", "legit_failed", 0, "calls, registrations and requests that failed meanwhile"),
    Goal("attack", "legit_p99_ms", 500, "time to the agent at p99 meanwhile, ms"),
    Goal("attack", "ring_failed", 0, "phones that did not ring meanwhile"),
    Goal("attack", "memory_growth_mb", 50, "memory that strangers took, MB"),
    Goal("attack", "captured", 0, "phones and ports that strangers captured"),
    Goal("attack", "admitted", 0, "guesses that were let in"),
    Goal("stall", "gap_growth_p99_ms", 2, "gap at the phones while the loop stands still, beyond the usual"),
)
LINES_OF_GOALS = 150
"""The goals apply to this number of lines; larger steps are only recorded."""

Result = dict[str, object]


def run(benchmark: Benchmark, arguments: str) -> tuple[bool, list[Result]]:
    """Run one script; returns whether it succeeded, and its JSON lines."""
    command = [sys.executable, "-m", f"bench.{benchmark.name}", *arguments.split()]
    print(f"$ python {' '.join(command[1:])}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=WITHIN_S, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return done.returncode == 0, [json.loads(line) for line in lines]


def goal_rows(name: str, result: Result) -> list[tuple[str, str, str, str]]:
    """The goals of this result: meaning, figure, limit, verdict."""
    if "phase" in result:
        return []
    if result.get("lines", LINES_OF_GOALS) != LINES_OF_GOALS:
        return []
    shown = []
    for goal in GOALS:
        figure = result.get(goal.key)
        if goal.benchmark == name:
            is_met = isinstance(figure, int | float) and figure <= goal.limit
            shown.append((goal.meaning, str(figure), f"{goal.limit:g}", verdict(is_met)))
    delay, floor = result.get("delay_p99_ms"), result.get("floor_delay_p99_ms")
    if isinstance(delay, float) and isinstance(floor, float):
        shown.append(("delay at p99 beyond the relay's, ms", f"{delay - floor:.2f}", "2", verdict(delay - floor <= 2)))
    return shown


def verdict(is_met: bool) -> str:
    """The cell of the table for a verdict."""
    return "[green]yes" if is_met else "[red]no"


def show(results: Sequence[tuple[str, Result]], is_quick: bool) -> None:
    """The table of goals (not for a quick run, which measures less), and the table of `lines`."""
    console = Console()
    goals = Table("benchmark", "figure", "measured", "at most", "met")
    steps = Table("lines", "failed", "loss", "delay p99 ms", "relay ms", "cpu %", "relay %", "ratio", "rss MB")
    keys = ("lines", "failed", "loss", "delay_p99_ms", "floor_delay_p99_ms", "cpu_pct", "floor_cpu_pct", "cpu_ratio")
    for name, result in results:
        for row in goal_rows(name, result):
            goals.add_row(name, *row)
        if name == "lines":
            steps.add_row(*(str(result.get(key)) for key in (*keys, "rss_mb")))
    if not is_quick:
        console.print(goals)
    if steps.row_count:
        console.print(steps)
    for name, result in results:
        print(json.dumps({"bench": name, **result}))


def main() -> None:
    """Command line."""
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(names)}")
    parser.add_argument(
        "--quick", action="store_true", help="small and short: shows that everything works, not how fast"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - set(names)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    results: list[tuple[str, Result]] = []
    is_good = True
    for benchmark in BENCHMARKS:
        if not asked.names or benchmark.name in asked.names:
            went_well, found = run(benchmark, benchmark.quick if asked.quick else benchmark.arguments)
            is_good = is_good and went_well
            results += [(benchmark.name, result) for result in found]
    show(results, asked.quick)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
