"""A host that guesses passwords is slowed down, logged, and found by the filter for fail2ban that is shipped."""

import asyncio
import re
import shutil
import socket
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from bench.daemon import Daemon
from bench.phone import Dialled, Phone
from tests.sip.digest_answer import authorised
from tests.wire.watch import Operator

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.syntax.message import Response
from acdcore.sip.syntax.parser import parse

pytestmark = pytest.mark.wire

FILTER = Path(__file__).parents[2] / "config" / "fail2ban" / "filter.d" / "acdcore.conf"
GUESSER, SCANNER, KEY_GUESSER, TRUNK = "127.0.0.66", "127.0.0.67", "127.0.0.68", "127.0.0.1"
WAIT_S = 2.0
NO_NUMBER = "99999"


def request(method: str, user: str, source: Address, number: int, authorization: str = "") -> bytes:
    lines = [
        f"{method} sip:{user}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {source};branch=z9hG4bK{number}",
        "Max-Forwards: 70",
        f"From: <sip:{user}@127.0.0.1>;tag=1",
        f"To: <sip:{user}@127.0.0.1>",
        f"Call-ID: guess{number}",
        f"CSeq: {number} {method}",
        f"Contact: <sip:x@{source}>",
        *([f"Authorization: {authorization}"] if authorization else []),
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Stranger:
    """A socket at another address than the trunk's."""

    def __init__(self, host: str, server: Address) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(WAIT_S)
        self._socket.connect(server)
        self.address = Address(*self._socket.getsockname())
        self._number = 0

    def ask(self, method: str, user: str, authorization: str = "") -> Response | None:
        """The answer, None for silence."""
        self._number += 1
        self._socket.send(request(method, user, self.address, self._number, authorization))
        try:
            answer = parse(self._socket.recv(65_535))
        except TimeoutError:
            return None
        assert isinstance(answer, Response)
        return answer

    def guess(self, user: str, password: str) -> int | None:
        """A password; the status, None for silence."""
        challenge = self.ask("REGISTER", user)
        if challenge is None:
            return None
        values = challenge.headers.get_all("WWW-Authenticate")
        answer = authorised(DigestClient(user, password), values, "REGISTER", f"sip:{user}@127.0.0.1", IdSource(1))
        judged = self.ask("REGISTER", user, answer)
        return None if judged is None else judged.status

    def close(self) -> None:
        self._socket.close()


def found_by_filter(log: str) -> set[str]:
    """The sources that the filter finds, as Python reads its expressions."""
    text = FILTER.read_text()
    expressions = re.findall(r"^(?:failregex =|           ) (\^.*)$", text, re.MULTILINE)
    assert len(expressions) == 2
    host = r"(?P<host>[\w.:-]+)"
    patterns = [re.compile(expression.replace("<HOST>", host)) for expression in expressions]
    matches = [pattern.match(line) for line in log.splitlines() for pattern in patterns]
    return {match["host"] for match in matches if match is not None}


async def log_with(daemon: Daemon, *words: str) -> str:
    """The log once all of these stand in it."""
    async with asyncio.timeout(WAIT_S * 5):
        while True:
            text = daemon.log.read_text(errors="replace")
            if all(word in text for word in words):
                return text
            await asyncio.sleep(0.05)


async def test_guessing_is_banned_logged_and_found_by_the_filter_for_fail2ban(
    daemon: Daemon, operator: Operator, caller: Phone
) -> None:
    guesser, scanner = Stranger(GUESSER, daemon.sip), Stranger(SCANNER, daemon.sip)
    statuses = [await asyncio.to_thread(guesser.guess, str(9_000 + number), "guess") for number in range(11)]
    assert statuses == [403] * 10 + [None], "the eleventh is dropped unread"
    answer = await asyncio.to_thread(scanner.ask, "INVITE", "0037121234567")
    assert answer is not None and answer.status == 401
    connector = TCPConnector(local_addr=(KEY_GUESSER, 0))
    async with (
        ClientSession(f"http://{daemon.http}", connector=connector) as client,
        client.get("/v1/calls", headers={"X-API-Key": "guess-one"}) as refused,
    ):
        assert refused.status == 401
    with pytest.raises(Dialled):
        await caller.call(NO_NUMBER)
    log = await log_with(daemon, GUESSER, SCANNER, KEY_GUESSER, '"banned"', "no such number")
    assert found_by_filter(log) >= {GUESSER, KEY_GUESSER}
    assert found_by_filter(log).isdisjoint({SCANNER, TRUNK}), "a scanner over UDP may be anybody, the trunk is known"
    assert "guess-one" not in log
    metrics = await operator.metrics()
    by_reason = {name: value for name, value in metrics.items() if name.startswith("acdcore_refused_total")}
    assert sum(value for name, value in by_reason.items() if "wrong password" in name and "register" in name) >= 10
    assert sum(value for name, value in by_reason.items() if "no such number" in name) >= 1
    guesser.close()
    scanner.close()


@pytest.mark.skipif(shutil.which("fail2ban-regex") is None, reason="fail2ban is not installed")
async def test_fail2ban_itself_reads_the_filter_and_the_log(daemon: Daemon) -> None:
    process = await asyncio.create_subprocess_exec(
        "fail2ban-regex", "--print-all-matched", str(daemon.log), str(FILTER), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    text = out.decode()
    assert GUESSER in text and KEY_GUESSER in text
    assert SCANNER not in text.partition("Matched line(s)")[2]
