"""A process that writes down recordings, for tests: what it answers, or how it fails, stands in the file itself."""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    for line in sys.stdin:
        try:
            word = Path(json.loads(line)["file"]).read_text()
        except OSError as error:
            print(json.dumps({"problem": f"{type(error).__name__}: {error.strerror}"}), flush=True)
            continue
        if word == "away":
            print(json.dumps({"away": "no server"}), flush=True)
            continue
        if word == "die":
            sys.exit("killed")
        if word == "hang":
            time.sleep(60)
        parts = [["caller", 0.0, 1.0, word], ["agent", 1.5, 2.0, "\0好的"]]
        print(json.dumps({"language": "cmn", "parts": parts}), flush=True)


if __name__ == "__main__":
    main()
