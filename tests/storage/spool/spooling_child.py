"""A process to be killed: appends a row each millisecond and says which, with a rest after some."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from acdcore.calls.model.rows import CallEventRow
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.ids import CallId
from acdcore.storage.spool.spool import DiskSpool

RESTS_AFTER, RESTS_S = 500, 1.0

with DiskSpool(Path(sys.argv[1]), SystemClock()) as spool:
    number = 0
    while True:
        number += 1
        spool.append(CallEventRow(CallId("c1"), number, datetime.now(UTC), "moved"))
        time.sleep(RESTS_S if number == RESTS_AFTER else 0.001)
        print(number, flush=True)
