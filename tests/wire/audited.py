"""The daemon with each file, name and process that the loop's thread asks for written down: `audited.py OUT run ...`.

Counting begins with the first HTTP request, which is when the start is over.
"""

import sys
import threading

from acdcore.__main__ import main
from acdcore.control.status import StatusRoutes

WATCHED = frozenset(
    {"open", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.listdir", "os.remove"}
)
LINES_MAX = 200
"""Of different places; more say nothing new."""


def place() -> str:
    """The innermost function of ours that is at work; found without opening a file, which would be written down too."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "/acdcore/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rpartition('/acdcore/')[2]}:{frame.f_code.co_name}"


def write_down(out: str) -> None:
    """Hook into the interpreter."""
    file = open(out, "w", buffering=1, encoding="utf-8")  # noqa: SIM115  # until the process ends
    loop_thread = threading.main_thread()
    seen: set[str] = set()
    begun = threading.Event()
    live = StatusRoutes.live

    async def first(self: StatusRoutes, asked: object) -> object:
        begun.set()
        return await live(self, asked)  # type: ignore[arg-type]

    StatusRoutes.live = first  # type: ignore[method-assign, assignment]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in WATCHED or not begun.is_set() or threading.current_thread() is not loop_thread:
            return
        line = f"{event} {place()} {arguments[0] if arguments else ''}"
        if line not in seen and len(seen) < LINES_MAX:
            seen.add(line)
            file.write(line + "\n")

    sys.addaudithook(hook)


if __name__ == "__main__":
    write_down(sys.argv.pop(1))
    main()
