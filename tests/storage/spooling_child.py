"""A process to be killed: appends a row each millisecond and says which."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from acdcore.calls.rows import CallEventRow
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.ids import CallId
from acdcore.storage.spool import DiskSpool

with DiskSpool(Path(sys.argv[1]), SystemClock()) as spool:
    number = 0
    while True:
        number += 1
        spool.append(CallEventRow(CallId("c1"), number, datetime.now(UTC), "moved"))
        time.sleep(0.001)
        print(number, flush=True)
