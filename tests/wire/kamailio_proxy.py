"""Debian's Kamailio as a carrier's edge: UDP to subscribers, TCP to us, record-routed, idle connections closed."""

import asyncio
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from acdcore.kernel.address import Address

IDLE_S = 3
"""Kamailio closes a connection that was silent for so long; its default is 120."""
MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
CONFIGURATION = """
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
tcp_connection_lifetime={idle_s}
tcp_connect_timeout=2
listen=udp:{proxy}
listen=tcp:{proxy}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"

request_route {{
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }} else if (is_method("ACK")) {{
            if (t_check_trans()) t_relay();
        }} else {{
            sl_send_reply("404", "Not here");
        }}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    record_route();
    if ($pr == "tcp") {{
        $du = "sip:{far}";
    }} else {{
        $du = "sip:{near};transport=tcp";
    }}
    t_relay();
}}
"""


class Kamailio(AbstractAsyncContextManager["Kamailio"]):
    """`async with Kamailio(directory, port, near, far) as proxy:`; `near` is us, `far` is called by us."""

    def __init__(self, directory: Path, port: int, near: Address, far: Address) -> None:
        self.address = Address("127.0.0.1", port)
        self.far = far
        self._directory = directory
        self._near = near
        directory.mkdir(parents=True, exist_ok=True)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        program = require_kamailio()
        file = self._directory / "kamailio.cfg"
        text = CONFIGURATION.format(idle_s=IDLE_S, proxy=self.address, modules=MODULES, near=self._near, far=self.far)
        file.write_text(text)
        with (self._directory / "kamailio.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(program, "-f", str(file), "-DD", "-E", "-m", "32", "-M", "4"),
                *("-Y", str(self._directory), "-w", str(self._directory), "-P", str(self._directory / "pid")),
                stdout=log,
                stderr=log,
            )
        await self._until_it_listens()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _until_it_listens(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection(*self.address)
                except OSError:
                    assert self._process is not None
                    assert self._process.returncode is None, (self._directory / "kamailio.log").read_text()[-2000:]
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    return


def require_kamailio() -> str:
    """Its path; skips the test without it."""
    program = shutil.which("kamailio")
    if program is None or not MODULES.is_dir():
        pytest.skip("Debian's kamailio is not installed")
    return program
