"""What a flow is refused for: the text of a flow file in, problems by key out."""

from pathlib import Path

import pytest

from acdcore.ivr.check import Surroundings, validate
from acdcore.ivr.flow_file import load_flows, read_flow
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName

AROUND = Surroundings(frozenset({QueueName("service")}))

GOOD = """
language = "cmn"
languages = ["cmn", "en"]
start = "menu"
prompts.ask = { cmn = "请按一。", en = "Press one." }
nodes.menu = { type = "menu", prompts = ["ask"], keys = { 1 = "queue", 2 = "number" }, on_timeout = "bye" }
nodes.queue = { type = "queue", queue = "service" }
nodes.bye = { type = "announce_and_hang_up", prompts = ["system.goodbye"] }

[nodes.number]
type = "collect"
prompts = ["ask"]
variable = "member"
max_digits = 6
next = "find"
on_failure = "bye"

[nodes.find]
type = "lookup"
by = "phone"
variable = "member"
found = "queue"
not_found = "bye"
unavailable = "bye"
"""


def problems(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "test.toml"
    file.write_text(text, "utf-8")
    return {problem.key: problem.reason for problem in validate(read_flow(file), AROUND)}


def with_node(text: str, name: str, node: str) -> str:
    """`text` with one more node."""
    return text.replace("nodes.queue =", f"nodes.{name} = {{ {node} }}\nnodes.queue =")


def test_good_flow_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == {}


@pytest.mark.parametrize(
    ("was", "becomes", "key", "reason"),
    [
        ('start = "menu"', 'start = "nowhere"', "start", "no node nowhere"),
        ('1 = "queue"', '1 = "nowhere"', "nodes.menu.keys.1", "no node nowhere"),
        ('on_timeout = "bye"', 'on_timeout = "nowhere"', "nodes.menu.on_timeout", "no node nowhere"),
        (', 2 = "number"', "", "nodes.number", "no way leads here"),
        ('queue = "service"', 'queue = "sales"', "nodes.queue.queue", "no queue sales; there are: service"),
        (', en = "Press one."', "", "prompts.ask", "missing in en"),
        ('["ask"], keys', '["asked"], keys', "nodes.menu.prompts", "no prompt asked; add [prompts.asked]"),
        ('"system.goodbye"', '"system.hello"', "nodes.bye.prompts", "no prompt system.hello"),
        ("1 = ", "A = ", "nodes.menu.keys.A", "no such key on a telephone"),
        ('variable = "member"\nfound', 'variable = "plate"\nfound', "nodes.find.variable", "nothing is kept as plate"),
        ('variable = "member"\nmax', 'variable = "caller"\nmax', "nodes.number.variable", "call's own number"),
        ("max_digits = 6", "max_digits = 6\nmin_digits = 7", "nodes.number.min_digits", "more than max_digits"),
        ('languages = ["cmn", "en"]', 'languages = ["en"]', "language", "not among languages"),
        (
            '"service" }',
            '"service", tier_advance_s = { VIP = 5 } }',
            "nodes.queue.tier_advance_s.VIP",
            "no tier VIP; there are: gold",
        ),
    ],
)
def test_flow_is_refused(tmp_path: Path, was: str, becomes: str, key: str, reason: str) -> None:
    assert was in GOOD
    found = problems(tmp_path, GOOD.replace(was, becomes, 1))
    assert reason in found[key]


@pytest.mark.parametrize(
    ("branch", "key"),
    [
        ('on = "tier", cases = { platinum = "bye" }', "cases.platinum"),
        ('on = "language", cases = { yue = "bye" }', "cases.yue"),
        ('on = "calendar", cases = { sunday = "bye" }', "cases.sunday"),
        ('on = "variable", variable = "card", cases = { 1 = "bye" }', "variable"),
        ('on = "variable", cases = { 1 = "bye" }', "variable"),
        ('on = "tier", variable = "member", cases = { vip = "bye" }', "variable"),
    ],
)
def test_branch_must_ask_for_what_can_be(tmp_path: Path, branch: str, key: str) -> None:
    text = with_node(GOOD.replace('"menu"', '"branch"', 1), "branch", f'type = "branch", {branch}, otherwise = "menu"')
    assert list(problems(tmp_path, text)) == [f"nodes.branch.{key}"]


@pytest.mark.parametrize(
    "node",
    [
        'type = "play", prompts = ["ask"], next = "a"',
        'type = "play", prompts = ["ask"], next = "b"',
        'type = "menu", prompts = ["ask"], keys = { 1 = "queue" }, on_timeout = "b"',
        'type = "branch", on = "tier", cases = { vip = "b" }, otherwise = "queue"',
        'type = "language", prompts = ["ask"], keys = { 1 = "cmn" }, next = "b"',
        'type = "collect", prompts = ["ask"], variable = "n", max_digits = 2, next = "queue", on_failure = "b"',
        'type = "lookup", by = "phone", variable = "caller", found = "queue", not_found = "b", unavailable = "b"',
    ],
)
def test_circle_that_needs_no_key_is_refused(tmp_path: Path, node: str) -> None:
    text = GOOD.replace('2 = "number"', '2 = "number", 3 = "a", 4 = "b"')
    text = with_node(with_node(text, "b", 'type = "play", prompts = ["ask"], next = "a"'), "a", node)
    found = problems(tmp_path, text)
    assert list(found) == ["nodes.a"]
    assert "goes round for ever: a -> " in found["nodes.a"]


def test_circle_that_needs_a_key_is_allowed(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD.replace('2 = "number"', '2 = "number", 9 = "menu"')) == {}


@pytest.mark.parametrize(
    ("was", "becomes", "key", "reason"),
    [
        ("on_timeout", "on_timout", "nodes.menu.on_timeout", "required"),
        ('on_timeout = "bye"', 'on_timeout = "bye", retrys = 3', "nodes.menu.retrys", "mend its spelling"),
        ('type = "menu"', 'type = "manu"', "nodes.menu", "'menu'"),
        ('language = "cmn"', 'language = "fr"', "language", "'cmn'"),
        ('on_timeout = "bye"', 'on_timeout = "bye", timeout_s = 0', "nodes.menu.timeout_s", "greater than 0"),
        ("nodes.queue = {", "nodes.queue = ", "", "is not TOML"),
    ],
)
def test_file_that_is_not_a_flow_is_refused_by_key(
    tmp_path: Path, was: str, becomes: str, key: str, reason: str
) -> None:
    file = tmp_path / "test.toml"
    file.write_text(GOOD.replace(was, becomes, 1), "utf-8")
    with pytest.raises(SettingsError) as refusal:
        read_flow(file)
    assert (refusal.value.file, refusal.value.key) == (str(file), key)
    assert reason in refusal.value.problem


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_flow(tmp_path / "none.toml")


def test_name_that_cannot_be_a_flow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot name a flow"):
        read_flow(tmp_path / "system.toml")


def test_load_names_file_key_and_all_problems(tmp_path: Path) -> None:
    text = GOOD.replace('1 = "queue"', '1 = "nowhere"').replace('queue = "service"', 'queue = "sales"')
    (tmp_path / "bad.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refusal:
        load_flows(tmp_path, AROUND)
    assert (refusal.value.file, refusal.value.key) == (str(tmp_path / "bad.toml"), "nodes.menu.keys.1")
    assert "also nodes.queue.queue: there is no queue sales" in refusal.value.problem


def test_directory_without_flows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no flow here"):
        load_flows(tmp_path, AROUND)
