"""The plan: a reference that leads nowhere is found before anything starts, and `acdcore check` says it in a line."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acdcore.__main__ import cli, print_progress
from acdcore.configuration.settings import SCHEMA, Settings, load
from acdcore.configuration.snapshot import Snapshot, load_snapshot, shortages
from acdcore.daemon.components import endpoint_settings
from acdcore.ivr.model.flow import Text
from acdcore.kernel.address import Address
from acdcore.kernel.errors import SettingsError

CONFIG = Path(__file__).parents[2] / "config"
QUEUES = "[queues.service]\n[queues.sales]\n"
TRUNK = '[trunks.carrier]\naddresses = ["198.51.100.0/24"]\n'
ROUTES = "[trunks.carrier.routes]\n"


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """The packaged flows, prompts and calendars, with settings yet to be written."""
    for name in ("ivr", "prompts"):
        shutil.copytree(CONFIG / name, tmp_path / name)
    shutil.copy(CONFIG / "calendars.toml", tmp_path / "calendars.toml")
    return tmp_path


def snapshot(config_dir: Path, text: str) -> Snapshot:
    file = config_dir / "acdcore.toml"
    file.write_text(text, "utf-8")
    return load_snapshot(load(file, {}), file)


def test_packaged_plan_is_good() -> None:
    made = load_snapshot(load(CONFIG / "acdcore.toml", {}), CONFIG / "acdcore.toml")
    assert "hotline" in made.flows
    keys = [request.key for request in made.prompts]
    assert len(keys) == len(set(keys))


def test_queue_without_a_title_is_called_by_its_key(config_dir: Path) -> None:
    made = snapshot(config_dir, QUEUES)
    said = [request.source for request in made.prompts if request.key.name == "system.call-for-sales"]
    assert said == [Text("sales来电。"), Text("sales來電。"), Text("Call for sales.")]
    assert not any(request.key.name.startswith("queue.") for request in made.prompts), "no title is said by itself"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        (
            '[trunk_capacity]\nannouncement = "system.absent"\n' + QUEUES,
            "trunk_capacity.announcement",
            "no prompt system.absent",
        ),
        (QUEUES + "[queues.third]\nmax_wait_s = 9", "queues.third.max_wait_s", "leads nowhere"),
        (
            QUEUES + '[queues.third]\nmax_wait_s = 9\n[queues.third.overflow]\nwait = { queue = "absent" }',
            "queues.third.overflow.wait",
            "no queue absent",
        ),
        (
            QUEUES + '[queues.third]\nmax_wait_s = 9\n[queues.third.overflow]\nwait = { announcement = "absent" }',
            "queues.third.overflow.wait",
            "no prompt absent",
        ),
        (
            QUEUES + '[queues.third]\nmax_wait_s = 9\n[queues.third.overflow]\nwait = { external_number = "123" }',
            "queues.third.overflow.wait",
            "no trunk may dial out",
        ),
        (
            QUEUES + TRUNK + ROUTES + '1 = { flow = "absent" }',
            "trunks.carrier.routes.1",
            "no flow absent; there are",
        ),
        (
            QUEUES + TRUNK + ROUTES + '1 = { flow = "hotline", calendar = "always", closed_flow = "absent" }',
            "trunks.carrier.routes.1",
            "no flow absent",
        ),
        (
            QUEUES + TRUNK + ROUTES + '1 = { flow = "hotline", calendar = "absent", closed_flow = "night" }',
            "trunks.carrier.routes.1",
            "no calendar absent",
        ),
        (
            QUEUES + TRUNK + ROUTES + '1 = { flow = "hotline", calendar = "always" }',
            "trunks.carrier.routes.1",
            "no closed_flow",
        ),
        ("[queues.sales]\nring_for_s = 0\n[queues.service]", "queues.sales.ring_for_s", "not within"),
        (
            QUEUES + '[[queues.sales.rules]]\nlanguages = ["english"]\nskills = { english = 1 }',
            "queues.sales.rules",
            "there is no language english; there are cmn, en, yue",
        ),
        (
            QUEUES + '[[queues.sales.rules]]\nregions = ["moon"]\nskills = { english = 1 }',
            "queues.sales.rules",
            "there is no region moon",
        ),
    ],
)
def test_reference_that_leads_nowhere_is_named(config_dir: Path, text: str, key: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        snapshot(config_dir, text)
    assert (caught.value.file, caught.value.key) == (str(config_dir / "acdcore.toml"), key)
    assert problem in caught.value.problem


def test_flow_into_a_queue_that_is_not_there_is_named_with_the_flows_file(config_dir: Path) -> None:
    with pytest.raises(SettingsError, match=r"hotline\.toml: .*sales"):
        snapshot(config_dir, "[queues.service]")


def test_flow_to_an_outside_number_needs_a_trunk_that_may_dial_out(config_dir: Path) -> None:
    (config_dir / "ivr" / "away.toml").write_text(
        'language = "cmn"\nstart = "away"\n[nodes.away]\ntype = "external_number"\nnumber = "02155500"\n', "utf-8"
    )
    with pytest.raises(SettingsError, match=r"away\.toml: nodes\.away: no trunk may dial out"):
        snapshot(config_dir, QUEUES + TRUNK)
    assert snapshot(config_dir, QUEUES + TRUNK + 'may_dial_out = true\ntarget = "sip:198.51.100.1"')


# --- the command ---


def check(*arguments: str) -> tuple[int, list[str]]:
    """Exit status and lines of `acdcore check`."""
    result = CliRunner().invoke(cli, ["check", *arguments])
    return result.exit_code, result.output.splitlines()


def test_check_says_that_all_is_good() -> None:
    status, lines = check("--config", str(CONFIG / "acdcore.toml"))
    assert status == 0
    assert "is good" in " ".join(lines)


def test_check_of_wrong_settings_is_one_line_and_status_1(config_dir: Path) -> None:
    file = config_dir / "acdcore.toml"
    file.write_text("[sip]\nudp_port = 70000\n", "utf-8")
    status, lines = check("--config", str(file))
    assert status == 1
    (line,) = lines
    assert line.startswith(f"acdcore: {file}: sip.udp_port: ")


def test_check_of_an_absent_file_is_one_line_and_status_1(tmp_path: Path) -> None:
    status, lines = check("--config", str(tmp_path / "absent.toml"))
    assert (status, len(lines)) == (1, 1)
    assert "cannot be read" in lines[0]


def test_run_with_wrong_settings_starts_nothing(config_dir: Path) -> None:
    file = config_dir / "acdcore.toml"
    file.write_text("[trunk_capacity]\nlimit = 0\n", "utf-8")
    result = CliRunner().invoke(cli, ["run", "--config", str(file)])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "trunk_capacity.limit" in result.stderr


def test_translated_address_stands_in_our_messages_for_both_ports() -> None:
    sip = {"address": "10.0.0.5", "advertised": "203.0.113.7", "udp_port": 5060, "tcp_port": 5070}
    told = endpoint_settings(SCHEMA.validate_python({"sip": sip})).advertised
    assert told == {
        Address("10.0.0.5", 5060): Address("203.0.113.7", 5060),
        Address("10.0.0.5", 5070): Address("203.0.113.7", 5070),
    }


def test_ports_that_do_not_suffice_for_all_lines_are_told() -> None:
    few = SCHEMA.validate_python(
        {"media": {"first_port": 20000, "last_port": 20009}, "trunk_capacity": {"limit": 2, "reserve": 1}}
    )
    assert shortages(few) == ["media.last_port leaves 5 port pairs, but all lines with their agents need 6"]
    assert shortages(Settings()) == []


def test_line_of_the_daemon_is_printed_whole_with_its_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    line = "stopping; calls may go on for [trunk_capacity] drain_s, a second signal ends them, however long the line is"
    print_progress(line)
    assert capsys.readouterr().err == f"acdcore: {line}\n"
