"""How many Python calls the daemon makes for one call, from the INVITE to the agent's phone ringing.

    python -m bench.python_calls [--by-module]

A count says more than a time on a shared machine: it is the same in every run. The call centre is that of the tests,
in virtual time and without sockets, so the phones' own SIP stack is counted too. One JSON line goes to standard
output; with `--by-module` the calls of each module go to standard error.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import looptime
from tests.calls.call_centre import SERVICE_LINE, CallCentre, opened
from tests.calls.phone import Phone

SOURCE = str(Path(__file__).parents[1] / "src" / "acdcore")
GENERATED = "<string>"
"""Where the methods that `dataclass` writes are said to be."""
WARM_UP_CALLS = 2
"""Calls before the one that is counted: what is worked out once is worked out then."""
STEP_S = 0.001
RINGS_WITHIN_STEPS = 5_000


class CallCount:
    """Counts Python functions of acdcore that are entered, while it is used as a profile function."""

    def __init__(self) -> None:
        self.by_module: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """As `sys.setprofile` wants it."""
        if event != "call":
            return
        file = frame.f_code.co_filename
        if file.startswith(SOURCE):
            self.by_module[file[len(SOURCE) + 1 :]] += 1
        elif file == GENERATED:
            self.by_module["(dataclasses)"] += 1


async def rings(centre: CallCentre, agent: Phone, number: str) -> Phone:
    """Call the service queue; comes back when the agent's phone rings, with the caller's phone."""
    caller = centre.caller(number)
    caller.call(SERVICE_LINE)
    for _ in range(RINGS_WITHIN_STEPS):
        await asyncio.sleep(STEP_S)
        if agent.rings:
            return caller
    raise TimeoutError("the agent's phone did not ring; run the tests of calls first")


async def counted() -> CallCount:
    """The calls of one call, after others have warmed up what is kept."""
    count = CallCount()
    async with opened() as centre:
        agent = await centre.seat("1001")
        for number in range(WARM_UP_CALLS + 1):
            is_last = number == WARM_UP_CALLS
            if is_last:
                sys.setprofile(count)
            try:
                caller = await rings(centre, agent, f"1380000000{number}")
            finally:
                sys.setprofile(None)
            caller.hang_up()
            await centre.pass_time(1)
    return count


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--by-module", action="store_true", help="also print the calls of each module")
    arguments = parser.parse_args()
    loop = looptime.new_event_loop()
    try:
        count = loop.run_until_complete(counted())
    finally:
        loop.close()
    if arguments.by_module:
        for module, calls in count.by_module.most_common():
            print(f"{calls:6d} {module}", file=sys.stderr)
    print(json.dumps({"bench": "python_calls", "from": "INVITE", "to": "ringing", "calls": count.by_module.total()}))


if __name__ == "__main__":
    main()
