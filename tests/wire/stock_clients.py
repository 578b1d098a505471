"""Debian 12's SIP programs, as users have them: baresip 1.0.0, linphonec 5.1, sipsak 0.9.8, SIPp 3.6.1, Kamailio 5.6.

Each runs in a process and a directory of its own, and is ended by its process when the block is left.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from bench.sound import share_of_tone
from tests.wire.sipp_caller import SCENARIOS
from tests.wire.tones import wav

from acdcore.kernel.address import Address

HOST = "127.0.0.1"
REGISTER_FOR_S = 120
TALK_S = 60.0
"""baresip ends a call when its source has no more to say."""
END_WITHIN_S = 5.0
WAV_HEADER_BYTES = 44
PACKAGES = {"sipp": "sip-tester", "baresip": "baresip-core", "linphonec": "linphone-cli"}
"""Where the program and the package have different names."""


class Program(AbstractAsyncContextManager["Program"]):
    """`async with Program(...) as program:` runs it until the block is left; what it prints can be waited for."""

    def __init__(self, directory: Path, *command: str) -> None:
        """Skips the test where the program is missing. `directory` is its home too."""
        path = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
        if path is None:
            pytest.skip(f"needs {command[0]}: install Debian's {PACKAGES.get(command[0], command[0])}")
        self.directory = directory
        self.said = ""
        """Everything that it has printed."""
        self._command = (path, *command[1:])
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self.directory,
            env={**os.environ, "HOME": str(self.directory)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()  # Kamailio ends its own children by it
            try:
                async with asyncio.timeout(END_WITHIN_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def until(self, pattern: str, within_s: float) -> None:
        """It has printed `pattern`; raises AssertionError with what it said instead."""
        try:
            async with asyncio.timeout(within_s):
                while re.search(pattern, self.said) is None:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in {within_s:g} s: {self.said}") from None

    def tell(self, line: str) -> None:
        """Type a line."""
        self.press(f"{line}\n")

    def press(self, keys: str) -> None:
        """Type keys, and no more."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("it has not been started")
        self._process.stdin.write(keys.encode())

    async def ended(self, within_s: float) -> int:
        """Its exit status; raises AssertionError with what it said while it goes on."""
        if self._process is None:
            raise RuntimeError("it has not been started")
        try:
            async with asyncio.timeout(within_s):
                return await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"it goes on after {within_s:g} s: {self.said}") from None

    async def _read(self) -> None:
        stream = None if self._process is None else self._process.stdout
        while stream is not None and (data := await stream.read(4096)):
            self.said += data.decode(errors="replace")
            self._came.set()


def sipsak(directory: Path, server: Address, user: str, password: str, contact: Address) -> Program:
    """Registers once, and says by its exit status how that went."""
    aor = f"sip:{user}@{server}"
    account = ("-u", user, "-a", password, "-C", f"sip:{user}@{contact}", "-x", str(REGISTER_FOR_S))
    return Program(directory, "sipsak", "-U", *account, "-H", HOST, "-s", aor, "-v")


def sipp(directory: Path, server: Address, user: str, password: str) -> Program:
    """Registers once, and says by its exit status how that went."""
    scenario = ("-sf", str(SCENARIOS / "registers.xml"), "-s", user, "-au", user, "-ap", password)
    once = ("-i", HOST, "-m", "1", "-t", "u1", "-timeout", "10s", "-nostdin")
    return Program(directory, "sipp", str(server), *scenario, *once)


BARESIP = """
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
audio_source aufile,{directory}/microphone.wav
audio_player aubridge,loudspeaker
snd_path {directory}
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
"""


class Baresip(Program):
    """Registers, answers at once, speaks a tone, and keeps what it hears. Without a password it does not register.

    `tell("/dial URI")` has it call, `press` presses keys in a call.
    """

    def __init__(self, directory: Path, server: Address, user: str, password: str, speaks_hz: float) -> None:
        super().__init__(directory, "baresip", "-f", str(directory))
        how = f"auth_pass={password};regint={REGISTER_FOR_S}" if password else "regint=0"
        account = f"<sip:{user}@{server}>;{how};answermode=auto\n"
        (directory / "config").write_text(BARESIP.format(directory=directory))
        (directory / "accounts").write_text(account)
        (directory / "microphone.wav").write_bytes(wav(speaks_hz, TALK_S))

    async def hears(self, frequency_hz: float, within_s: float) -> bool:
        """Whether the tone comes; what is heard is read from the file that baresip writes of it."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if any(share_of_tone(pcm, frequency_hz) > 0.5 for pcm in self._latest()):
                        return True
                    await asyncio.sleep(0.1)
        except TimeoutError:
            return False

    def _latest(self) -> Sequence[bytes]:
        """The last 0.3 s of each file of what was heard; files are written in blocks of some kilobytes."""
        files = self.directory.glob("dump-*-dec.wav")
        heard = [file.read_bytes()[WAV_HEADER_BYTES:] for file in files]
        return [pcm[-4_800:] if len(pcm) % 2 == 0 else pcm[-4_801:-1] for pcm in heard if len(pcm) > 4_800]


LINPHONE = """
[sip]
default_proxy=0
sip_port=-1
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
guess_hostname=0
inc_timeout=60

[auth_info_0]
username={user}
passwd={password}
realm={realm}

[proxy_0]
reg_proxy=<sip:{server}>
reg_identity=sip:{user}@{server.host}
reg_expires={expires_s}
reg_sendregister=1
publish=0
"""


def linphonec(directory: Path, server: Address, user: str, password: str, realm: str) -> Program:
    """Registers by itself; its prompt takes commands such as `status register` and `answer`."""
    (directory / ".local/share/linphone").mkdir(parents=True)
    settings = LINPHONE.format(user=user, password=password, realm=realm, server=server, expires_s=REGISTER_FOR_S)
    (directory / "linphonerc").write_text(settings)
    return Program(directory, "linphonec", "-c", str(directory / "linphonerc"))


KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
disable_tcp=yes
auto_aliases=no
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "uac.so"
modparam("uac", "restore_mode", "none")
modparam("uac", "credential", "{user}:{realm}:{password}")

request_route {{
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{
        t_relay();
        exit;
    }}
    record_route();
    $du = "sip:{server}";
    t_on_failure("CHALLENGED");
    t_relay();
}}

failure_route[CHALLENGED] {{
    if (t_check_status("401|407") && uac_auth()) {{
        t_relay();
    }}
}}
"""


def kamailio(directory: Path, server: Address, port: int, credential: tuple[str, str, str]) -> Program:
    """A provider's proxy: sends every call to `server` and answers its challenge by `uac_auth`.

    `credential` is user, realm and password.
    """
    user, realm, password = credential
    file = directory / "kamailio.cfg"
    file.write_text(KAMAILIO.format(server=server, port=port, user=user, realm=realm, password=password))
    return Program(directory, "kamailio", "-f", str(file), "-DD", "-E", "-w", str(directory), "-m", "16", "-M", "4")


CHALLENGING = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
disable_tcp=yes
auto_aliases=no
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "auth.so"
modparam("auth", "algorithm", "{algorithm}")

request_route {{
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{
        www_challenge("{realm}", "{qop}");
        exit;
    }}
    sl_send_reply("200", "Proven");
}}
"""


def challenging_kamailio(directory: Path, port: int, realm: str, password: str, form: tuple[str, bool]) -> Program:
    """A server that answers 200 to the right password. `form` is the algorithm, and whether with qop=auth.

    Kamailio offers auth-int too, but refuses the response of RFC 7616 section 3.4.3 for it.
    """
    algorithm, has_qop = form
    file = directory / "kamailio.cfg"
    text = CHALLENGING.format(port=port, realm=realm, password=password, algorithm=algorithm, qop=int(has_qop))
    file.write_text(text)
    return Program(directory, "kamailio", "-f", str(file), "-DD", "-E", "-w", str(directory), "-m", "16", "-M", "4")
