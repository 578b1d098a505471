"""Reaching a running daemon: which one, with which key, and what is said when it cannot be done."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web
from tests.cli.shell import Typed
from tests.control.fake_centre import WAITING
from tests.control.served import Served

from acdcore.cli.support.http_client import DaemonAddress, daemon_at, secret_with
from acdcore.control import Right
from acdcore.kernel.errors import SettingsError


def test_address_and_key_come_from_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "acdcore.toml"
    settings.write_text(f'[http]\naddress = "0.0.0.0"\nport = 8099\n[storage]\ndirectory = "{tmp_path}"\n', "utf-8")
    (tmp_path / "api-keys").write_text("board read abc\nchief admin ghi\n", "utf-8")
    daemon = daemon_at(DaemonAddress(settings, None, None), Right.READ)
    assert (daemon.url, daemon.secret) == ("http://127.0.0.1:8099", "abc")
    assert daemon_at(DaemonAddress(settings, "http://192.0.2.9:1/", None), Right.ADMIN).url == "http://192.0.2.9:1"


def test_settings_are_not_needed_when_url_and_keys_are_named(tmp_path: Path, key_file: Path) -> None:
    daemon = daemon_at(DaemonAddress(tmp_path / "absent.toml", "http://127.0.0.1:1", key_file), Right.OPERATE)
    assert daemon.secret == "operate-secret"


def test_key_without_the_right_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("board read abc\n# chief admin ghi\n", "utf-8")
    with pytest.raises(SettingsError, match="no key with the right admin; add one, or name another file"):
        secret_with(file, Right.ADMIN)


async def test_daemon_that_is_not_there_is_one_clear_line(key_file: Path, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    typed = await asyncio.to_thread(Typed.of, "why", "c1", "--url", url, "--key-file", str(key_file))
    assert (typed.status, typed.out) == (1, "")
    assert (
        typed.err.strip()
        == f"acdcore: nobody answers at {url}; start the daemon with `acdcore run`, or name it by --url"
    )


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://"])
async def test_url_that_is_none_is_one_clear_line(url: str, key_file: Path) -> None:
    typed = await asyncio.to_thread(Typed.of, "why", "c1", "--url", url, "--key-file", str(key_file))
    assert (typed.status, typed.err.count("\n")) == (1, 1)
    assert "write --url http://address:port" in typed.err


async def test_another_server_at_the_address_is_recognised(key_file: Path, unused_tcp_port: int) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    url = f"http://127.0.0.1:{unused_tcp_port}"
    typed = await asyncio.to_thread(Typed.of, "why", "c1", "--url", url, "--key-file", str(key_file))
    await runner.cleanup()
    assert (typed.status, "not as acdcore does; check --url" in typed.err) == (1, True)


async def test_refusal_of_the_daemon_is_reported_in_its_own_words(served: Served, tmp_path: Path) -> None:
    keys = tmp_path / "others"
    keys.write_text("other read not-the-secret\n", "utf-8")
    typed = await asyncio.to_thread(Typed.of, "why", "c1", "--url", served.base, "--key-file", str(keys))
    assert (typed.status, "this key is not known" in typed.err) == (1, True)


async def test_json_for_programs_is_the_answer_itself(served: Served, key_file: Path) -> None:
    words = ("why", WAITING, "--json", "--url", served.base, "--key-file", str(key_file))
    typed = await asyncio.to_thread(Typed.of, *words)
    assert json.loads(typed.out) == await (await served.reader.get(f"/v1/calls/{WAITING}/why")).json()
