"""The softphones' side of the line protocol: orders from stdin, events to stdout."""

import base64
import json
import os
import sys
from collections.abc import Iterator
from threading import Lock

STDOUT = Lock()


def report(event: str, detail: str = "", pcm: bytes = b"") -> None:
    """Tell one event; from any thread."""
    line = json.dumps({"event": event, "detail": detail, "pcm": base64.b64encode(pcm).decode()}) + "\n"
    with STDOUT:
        os.write(sys.stdout.fileno(), line.encode())


def orders() -> Iterator[str]:
    """The orders, until stdin ends."""
    for line in sys.stdin:
        yield str(json.loads(line)["do"])
