"""`python -m bench.policies`: the dispatcher beside other policies on the same overloaded days; last line is JSON."""

import argparse
import json
import sys

from bench.policies.standings import MEASURES, standings


def main() -> None:
    """Run the days, print the table, the table for the README and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="days, each run by every policy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.1, help="calls offered / calls that the agents can serve")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()

    def progress(done: int) -> None:
        print(f"\r{done} of {options.runs} days", end="", file=sys.stderr, flush=True)

    table = standings(options.runs, options.seed, progress, options.load)
    print(file=sys.stderr)
    print(table.markdown() if options.markdown else table.render())
    names = [measure.name for measure, _ in MEASURES]
    figures = {
        row.policy: {name: round(figure.mean, 4) for name, figure in zip(names, row.figures, strict=True)}
        for row in table.rows
    }
    print(json.dumps({"bench": "policies", "runs": table.runs, "calls": round(table.calls), **figures}))


if __name__ == "__main__":
    main()
