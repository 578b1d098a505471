"""`acdcore reload`, and the comparison that `acdcore check` makes."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import structlog
from tests.cli.shell import Shell, Typed
from tests.control.fake_centre import FakeCallCentre
from tests.control.served import Served

from acdcore.calls.model.commands import ReloadReport
from acdcore.cli.reload import RELOADING, reload_whenever, request_reload
from acdcore.cli.support.http_client import DaemonAddress, daemon_at
from acdcore.control import Right
from acdcore.kernel.errors import Unavailable

CONFIG = Path(__file__).parents[2] / "config" / "acdcore.toml"


async def test_reload_shows_what_changed(shell: Shell, served: Served) -> None:
    typed = await shell("reload")
    assert (typed.status, served.centre.reloads) == (0, [("admin-client", False)])
    assert "queues.service.ring_for_s" in typed.out
    assert typed.out.splitlines()[-1] == "applied: 1 change"
    assert typed.err.strip() == "acdcore: queue service has nobody for yue"


async def test_who_waits_long_for_a_reload_is_shown_why(
    served: Served, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = daemon_at(DaemonAddress(CONFIG, served.base, key_file), Right.ADMIN)
    at_once = replace(RELOADING, notice_after_s=0.0)
    body = await asyncio.to_thread(request_reload, daemon, is_dry_run=False, reloading=at_once)
    assert json.loads(body)["is_applied"] is True
    assert "about a second each" in capsys.readouterr().err


async def test_reload_is_waited_for_in_its_own_time(key_file: Path) -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to its end: the client's leaving
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        daemon = daemon_at(DaemonAddress(CONFIG, url, key_file), Right.ADMIN)
        with pytest.raises(Unavailable, match=r"did not answer within 0\.1 s"):
            await asyncio.to_thread(
                request_reload, daemon, is_dry_run=False, reloading=replace(RELOADING, within_s=0.1)
            )


async def test_dry_run_says_what_would_change(shell: Shell, served: Served) -> None:
    typed = await shell("reload", "--dry-run")
    assert (typed.status, served.centre.reloads) == (0, [("admin-client", True)])
    assert typed.out.splitlines()[-1] == "1 change would be applied"


async def test_problems_change_nothing_and_set_the_status(shell: Shell, served: Served) -> None:
    served.centre.problems = ("acdcore.toml: queues.service.ring_for_s: must be above 0",)
    typed = await shell("reload")
    assert typed.status == 1
    assert "acdcore: acdcore.toml: queues.service.ring_for_s: must be above 0" in typed.err
    assert typed.out.splitlines()[-1] == "nothing was changed: correct what is wrong, then reload again"
    as_json = await shell("reload", "--json")
    assert (as_json.status, json.loads(as_json.out)["problems"]) == (1, list(served.centre.problems))


async def test_check_compares_with_what_runs_without_changing_it(served: Served, key_file: Path) -> None:
    words = ("check", "--config", str(CONFIG), "--against-running", served.base, "--key-file", str(key_file))
    typed = await asyncio.to_thread(Typed.of, *words)
    assert (typed.status, served.centre.reloads) == (0, [("admin-client", True)])
    assert "acdcore.toml is good" in typed.err
    assert "1 change would be applied" in typed.out


@dataclass
class Faulty(FakeCallCentre):
    """Operations whose reload has a fault the first time."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def reload(self, by: str, *, is_dry_run: bool) -> ReloadReport:
        report = await super().reload(by, is_dry_run=is_dry_run)
        self.asked.set()
        if len(self.reloads) == 1:
            raise ZeroDivisionError
        return report


async def test_signal_reloads_also_after_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operations, wanted = Faulty(tmp_path), asyncio.Event()
    structlog.reset_defaults()
    task = asyncio.create_task(reload_whenever(wanted, operations))
    for _ in range(2):
        wanted.set()
        await operations.asked.wait()
        operations.asked.clear()
    await asyncio.sleep(0)  # the task that was asked goes on to its log
    task.cancel()
    assert operations.reloads == [("signal", False)] * 2
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    assert "queues.service.ring_for_s" in logged


def test_check_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text("[sip]\nudp_prt = 5060\n", "utf-8")
    typed = Typed.of("check", "--config", str(file))
    assert (typed.status, typed.out) == (1, "")
    assert (
        typed.err.strip()
        == f"acdcore: {file}: sip.udp_prt: is not a key that belongs here; remove it or correct its spelling: udp_port?"
    )
