"""What a flow is refused for: the text of a flow file in, problems by key out."""

from pathlib import Path

import pytest
from tests.ivr.flow_files import load_flows

from acdcore.ivr.checks.check import FlowReferences, validate
from acdcore.ivr.files.flows import read_flow
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName

AROUND = FlowReferences(
    queues=frozenset({QueueName("service")}),
    services=frozenset({"orders"}),
    regions=frozenset({"south"}),
    shifts=frozenset({"night"}),
    days=frozenset({"spring-festival"}),
    trunks=frozenset({"branch"}),
)

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
        (', 2 = "number"', "", "nodes.number", "no transition leads here"),
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
            '"service", tier_priority_s = { VIP = 5 } }',
            "nodes.queue.tier_priority_s.VIP",
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
        ("on_timeout", "on_timout", "nodes.menu.on_timout", "correct its spelling: on_timeout?"),
        (', on_timeout = "bye"', "", "nodes.menu.on_timeout", "required"),
        ('on_timeout = "bye"', 'on_timeout = "bye", retrys = 3', "nodes.menu.retrys", "correct its spelling"),
        ('type = "menu"', 'type = "manu"', "nodes.menu", '"menu"'),
        ('language = "cmn"', 'language = "fr"', "language", 'write "cmn"'),
        ('on_timeout = "bye"', 'on_timeout = "bye", timeout_s = 0', "nodes.menu.timeout_s", "greater than 0"),
        ('en = "Press one."', 'en = " "', "prompts.ask.en", "contains nothing that can be read aloud"),
        ('en = "Press one."', 'en = "…!?"', "prompts.ask.en", "contains nothing that can be read aloud"),
        ('en = "Press one."', 'en = "Press\\u0000 one."', "prompts.ask.en", "contains a control character"),
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
    with pytest.raises(SettingsError, match="cannot be a flow's name"):
        read_flow(tmp_path / "system.toml")


def test_load_names_file_key_and_all_problems(tmp_path: Path) -> None:
    text = GOOD.replace('1 = "queue"', '1 = "nowhere"').replace('queue = "service"', 'queue = "sales"')
    (tmp_path / "bad.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refusal:
        load_flows(tmp_path, AROUND)
    assert (refusal.value.file, refusal.value.key) == (str(tmp_path / "bad.toml"), "nodes.menu.keys.1")
    (further,) = refusal.value.further
    assert (further.key, "no queue sales" in further.problem) == ("nodes.queue.queue", True)


def test_directory_without_flows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no flow here"):
        load_flows(tmp_path, AROUND)


# --- nodes that do more than ask -------------------------------------------------------------------------------

RICH = """
language = "en"
languages = ["en"]
start = "menu"
prompts.ask = { en = "Ask." }
nodes.bye = { type = "hang_up" }
nodes.away = { type = "external_number", number = "02055550199", trunk = "branch" }

[nodes.menu]
type = "menu"
prompts = ["ask"]
keys = { 1 = "number", 2 = "ask", 3 = "rate", 4 = "away", 5 = "region" }
variable = "wish"
values = { 1 = "message" }
on_timeout = "bye"

[nodes.number]
type = "collect"
prompts = ["ask"]
variable = "number"
max_digits = 12
next = "right"
on_failure = "bye"

[nodes.right]
type = "confirm"
read = "number"
prompts = ["ask"]
yes = "record"
no = "number"
on_timeout = "record"

[nodes.record]
type = "record"
min_s = 1
max_s = 60
next = "file"
on_empty = "bye"

[nodes.file]
type = "message"
queue = "service"
number = "number"
subject_from = "wish"
next = "bye"

[nodes.ask]
type = "service"
service = "orders"
values = { who = "customer.member_number" }
save = { state = "state" }
next = "tell"
on_failure = "bye"

[nodes.tell]
type = "say"
parts = ["ask", { read = "state", as = "number" }]
next = "place"

[nodes.place]
type = "callback"
queue = "service"
number = "caller"
next = "bye"
refused = "back"

[nodes.back]
type = "return_to_queue"
queue = "service"

[nodes.rate]
type = "question"
question = "rate"
kind = "number"
min = 1
max = 5
prompts = ["ask"]
branches = { 1 = "count" }
next = "bye"

[nodes.count]
type = "question"
question = "count"
kind = "choice"
keys = { 1 = "one", 2 = "two" }
skippable = true
prompts = ["ask"]
branches = { two = "place" }
next = "bye"

[nodes.region]
type = "branch"
on = "region"
cases = { south = "bye" }
otherwise = "back"
"""


def test_rich_flow_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, RICH) == {}


@pytest.mark.parametrize(
    ("was", "becomes", "key", "reason"),
    [
        ('read = "number"', 'read = "state"', "nodes.right.read", "state is read before anything keeps it"),
        ('read = "number"', 'read = "nobody"', "nodes.right.read", "nothing is kept as nobody; there are: caller"),
        ('number = "number"', 'number = "state"', "nodes.file.number", "before anything keeps it"),
        ('subject_from = "wish"', 'subject_from = "mood"', "nodes.file.subject_from", "nothing is kept as mood"),
        ('"customer.member_number"', '"customer.birthday"', "nodes.ask.values.who", "does not say birthday; it says:"),
        ('{ state = "state" }', '{ state = "caller" }', "nodes.ask.save.state", "call's own number"),
        ('service = "orders"', 'service = "weather"', "nodes.ask.service", "no service weather; there are: orders"),
        ('variable = "wish"\n', "", "nodes.menu.values", "kept nowhere; add variable"),
        ('{ 1 = "message" }', '{ 7 = "message" }', "nodes.menu.values.7", "add it to keys"),
        ('yes = "record"', 'yes_key = "2"\nyes = "record"', "nodes.right.no_key", "2 means yes already"),
        ('yes = "record"', 'yes_key = "A"\nyes = "record"', "nodes.right.yes_key", "no such key"),
        ("min_s = 1", "min_s = 60", "nodes.record.min_s", "60 s leaves nothing below max_s"),
        ("min_s = 1", 'end_keys = "X"', "nodes.record.end_keys.X", "no such key"),
        ("min = 1\nmax = 5", "min = 5\nmax = 1", "nodes.rate.min", "5 is more than max, 1"),
        ('{ 1 = "count" }', '{ 6 = "count" }', "nodes.rate.branches.6", "no answer to this question"),
        ('{ 1 = "count" }', '{ good = "count" }', "nodes.rate.branches.good", "no answer to this question"),
        ('{ two = "place" }', '{ three = "place" }', "nodes.count.branches.three", "no answer to this question"),
        ('{ 1 = "one",', '{ "*" = "one",', "nodes.count.keys.*", "passes a skippable question over"),
        ('trunk = "branch"', 'trunk = "attic"', "nodes.away.trunk", "no trunk that may dial out attic"),
        ('{ south = "bye" }', '{ north = "bye" }', "nodes.region.cases.north", "no region north; there are: south"),
        ('queue = "service"\nnumber = "caller"', 'queue = "x"\nnumber = "caller"', "nodes.place.queue", "no queue x"),
    ],
)
def test_rich_flow_is_refused(tmp_path: Path, was: str, becomes: str, key: str, reason: str) -> None:
    assert was in RICH
    found = problems(tmp_path, RICH.replace(was, becomes, 1))
    assert reason in found[key]


def test_message_before_any_recording_is_refused(tmp_path: Path) -> None:
    text = RICH.replace('keys = { 1 = "number",', 'keys = { 1 = "file", 6 = "number",')
    text = text.replace('next = "file"', 'next = "bye"').replace('number = "number"', 'number = "caller"')
    assert "nothing is recorded before this message" in problems(tmp_path, text)["nodes.file"]


@pytest.mark.parametrize(("on", "case"), [("shift", "noon"), ("day", "tuesday"), ("queue", "sales"), ("region", "x")])
def test_branch_asks_only_for_what_the_configuration_names(tmp_path: Path, on: str, case: str) -> None:
    text = RICH.replace('on = "region"\ncases = { south', f'on = "{on}"\ncases = {{ {case}')
    assert f"there is no {on} {case}" in problems(tmp_path, text)[f"nodes.region.cases.{case}"]


@pytest.mark.parametrize(
    "node",
    [
        'type = "record", next = "b", on_empty = "bye"',
        'type = "record", next = "bye", on_empty = "b"',
        'type = "confirm", read = "caller", prompts = ["ask"], yes = "bye", no = "b", on_timeout = "bye"',
        'type = "question", question = "q", kind = "yes_no", prompts = ["ask"], next = "bye", on_no_answer = "b"',
        'type = "service", service = "orders", next = "bye", on_failure = "b"',
        'type = "callback", queue = "service", number = "caller", next = "bye", refused = "b"',
        'type = "say", parts = ["ask"], next = "bye", on_failure = "b"',
    ],
)
def test_circle_through_external_requests_is_refused(tmp_path: Path, node: str) -> None:
    text = GOOD.replace('2 = "number"', '2 = "number", 3 = "a", 4 = "b"')
    text = with_node(with_node(text, "b", 'type = "play", prompts = ["ask"], next = "a"'), "a", node)
    assert "goes round for ever: a -> " in problems(tmp_path, text)["nodes.a"]


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ('subject_from = "wish"', 'subject_from = "wish"\nsubject = "x"', "subject and subject_from both"),
        ('subject_from = "wish"', 'reply_from = "wish"\nreply_wanted = true', "reply_wanted and reply_from both"),
        ('as = "number"', 'as = "song"', 'parts.1.as: "song" is not known here; write "digits"'),
        ("max_s = 60", "max_s = 6000", "less than or equal to 600"),
        ('on_failure = "bye"\n\n[nodes.tell]', 'on_failure = "bye"\ntimeout_s = 30\n[nodes.tell]', "equal to 10"),
        ('kind = "number"', 'kind = "essay"', 'kind "essay" is not known'),
        ("\nmin = 1\n", "\n", "required"),
    ],
)
def test_node_that_says_too_much_or_too_little_is_refused(tmp_path: Path, was: str, becomes: str, reason: str) -> None:
    assert was in RICH
    file = tmp_path / "test.toml"
    file.write_text(RICH.replace(was, becomes, 1), "utf-8")
    with pytest.raises(SettingsError) as refusal:
        read_flow(file)
    assert reason in str(refusal.value)


# --- flows among each other ------------------------------------------------------------------------------------


def write_flow(directory: Path, name: str, nodes: str, head: str = "") -> None:
    text = f'language = "en"\nlanguages = ["en"]\nstart = "start"\n{head}\nprompts.ask = {{ en = "Ask." }}\n{nodes}'
    (directory / f"{name}.toml").write_text(text, "utf-8")


def leads_to(flow: str) -> str:
    return f'nodes.start = {{ type = "flow", flow = "{flow}" }}'


def test_flow_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    write_flow(tmp_path, "a", leads_to("b"))
    with pytest.raises(SettingsError, match=r"a\.toml: nodes\.start\.flow: there is no flow b; there are: a"):
        load_flows(tmp_path, AROUND)


def test_silent_circle_of_flows_is_refused(tmp_path: Path) -> None:
    write_flow(tmp_path, "a", leads_to("b"))
    write_flow(tmp_path, "b", leads_to("a"))
    with pytest.raises(SettingsError, match="round for ever through flows: a -> b -> a"):
        load_flows(tmp_path, AROUND)


def test_circle_of_flows_that_needs_a_key_is_allowed(tmp_path: Path) -> None:
    menu = """
    nodes.start = { type = "menu", prompts = ["ask"], keys = { 1 = "on" }, on_timeout = "bye" }
    nodes.bye = { type = "hang_up" }
    nodes.on = { type = "flow", flow = "a" }
    """
    write_flow(tmp_path, "a", leads_to("b"))
    write_flow(tmp_path, "b", menu)
    assert len(load_flows(tmp_path, AROUND)) == 2


def test_flow_takes_only_what_the_one_before_can_have_kept(tmp_path: Path) -> None:
    reads = 'nodes.start = { type = "say", parts = [{ read = "order", as = "digits" }], next = "bye" }\n'
    write_flow(tmp_path, "b", reads + 'nodes.bye = { type = "hang_up" }', 'takes = ["order"]')
    write_flow(tmp_path, "a", leads_to("b"))
    with pytest.raises(SettingsError, match="b takes order, which nothing keeps before this"):
        load_flows(tmp_path, AROUND)
    write_flow(tmp_path, "a", leads_to("b"), 'takes = ["order"]')
    assert len(load_flows(tmp_path, AROUND)) == 2
