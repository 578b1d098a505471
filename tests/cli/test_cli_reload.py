"""`acdcore reload`, and the comparison that `acdcore check` makes."""

import asyncio
import json
from pathlib import Path

from tests.cli.shell import Shell, Typed
from tests.control.served import Served

CONFIG = Path(__file__).parents[2] / "config" / "acdcore.toml"


async def test_reload_shows_what_changed(shell: Shell, served: Served) -> None:
    typed = await shell("reload")
    assert (typed.status, served.house.reloads) == (0, [("admin-client", False)])
    assert "queues.service.ring_for_s" in typed.out
    assert typed.out.splitlines()[-1] == "applied: 1 change"
    assert typed.err.strip() == "acdcore: queue service has nobody for yue"


async def test_dry_run_says_what_would_change(shell: Shell, served: Served) -> None:
    typed = await shell("reload", "--dry-run")
    assert (typed.status, served.house.reloads) == (0, [("admin-client", True)])
    assert typed.out.splitlines()[-1] == "1 change would be applied"


async def test_problems_change_nothing_and_set_the_status(shell: Shell, served: Served) -> None:
    served.house.problems = ("acdcore.toml: queues.service.ring_for_s: must be above 0",)
    typed = await shell("reload")
    assert typed.status == 1
    assert "acdcore: acdcore.toml: queues.service.ring_for_s: must be above 0" in typed.err
    assert typed.out.splitlines()[-1] == "nothing was changed: mend what is wrong, then reload again"
    as_json = await shell("reload", "--json")
    assert (as_json.status, json.loads(as_json.out)["problems"]) == (1, list(served.house.problems))


async def test_check_compares_with_what_runs_without_changing_it(served: Served, key_file: Path) -> None:
    words = ("check", "--config", str(CONFIG), "--against-running", served.base, "--key-file", str(key_file))
    typed = await asyncio.to_thread(Typed.of, *words)
    assert (typed.status, served.house.reloads) == (0, [("admin-client", True)])
    assert "acdcore.toml is good" in typed.err
    assert "1 change would be applied" in typed.out


def test_check_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text("[sip]\nudp_prt = 5060\n", "utf-8")
    typed = Typed.of("check", "--config", str(file))
    assert (typed.status, typed.out) == (1, "")
    assert (
        typed.err.strip()
        == f"acdcore: {file}: sip.udp_prt: is not a key that belongs here; remove it or mend its spelling"
    )
