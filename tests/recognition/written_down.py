"""A helper process for tests: answers as the sound's own octets tell it to, without a model."""

import json
import sys
import time

SAY = b"say:"


def main() -> None:
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode == "broken":
        sys.exit("no such model")
    print(json.dumps({"ready": True}), flush=True)
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        pcm = sys.stdin.buffer.read(asked["octets"])
        word = pcm.lstrip(b"\0").decode("utf-8", "replace")
        if word == "hang":
            time.sleep(60)
        if word == "die":
            sys.exit("killed by its memory")
        if word == "nonsense":
            print("[1, 2", flush=True)
            continue
        if word == "flood":
            print("x" * 1_000_000, flush=True)
            continue
        answer = {"problem": "ValueError: no"} if word == "problem" else {"text": word, "certainty": 0.9}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
