"""`acdcore agents import`: what `agents.toml` says since the first start comes into force."""

from pathlib import Path

from tests.cli.shell import Shell
from tests.control.served import Served

from acdcore.kernel.ids import AgentId

FILE = """
[[agents]]
number = "1001"
name = "Anna"
skills = {{ service = {level} }}

[[agents]]
number = "1077"
name = "新人"
skills = {{ service = 3 }}
languages = ["cmn"]
"""


def config(directory: Path, level: int = 7) -> str:
    """The settings beside which the agents lie."""
    (directory / "agents.toml").write_text(FILE.format(level=level), "utf-8")
    return str(directory / "acdcore.toml")


async def test_agents_of_the_file_are_added_and_known_ones_are_left(
    shell: Shell, served: Served, tmp_path: Path
) -> None:
    words = ("agents", "import", "--config", config(tmp_path))
    before = served.centre.agent_records[AgentId("1001")]
    typed = await shell(*words, "--dry-run")
    assert "1077 would be added" in typed.out
    assert AgentId("1077") not in served.centre.agent_records
    typed = await shell(*words)
    assert typed.status == 0
    assert "1077 added, password of the phone " in typed.out
    assert "1001 left as it is, differs in" in typed.out
    assert served.centre.agent_records[AgentId("1077")].name == "新人"
    assert served.centre.agent_records[AgentId("1001")] == before


async def test_update_changes_known_agents_to_what_the_file_says(shell: Shell, served: Served, tmp_path: Path) -> None:
    words = ("agents", "import", "--config", config(tmp_path, 4))
    typed = await shell(*words, "--update")
    assert typed.status == 0
    assert dict(served.centre.agent_records[AgentId("1001")].skills) == {"service": 4}
    typed = await shell(*words, "--update")
    assert typed.out.strip() == "nothing to do: the daemon knows every agent of agents.toml as it is there"


async def test_mistake_in_the_file_is_named_and_changes_nothing(shell: Shell, served: Served, tmp_path: Path) -> None:
    before = dict(served.centre.agent_records)
    wanted = config(tmp_path)
    (tmp_path / "agents.toml").write_text('[[agents]]\nnumber = "1"\nnam = "x"\nskills = {}\n', "utf-8")
    typed = await shell("agents", "import", "--config", wanted)
    assert typed.status == 1
    assert "agents.toml: agents.0.nam" in typed.err
    assert served.centre.agent_records == before


async def test_passwords_that_were_made_are_shown_though_the_import_breaks_off(
    shell: Shell, served: Served, tmp_path: Path
) -> None:
    wanted = config(tmp_path)
    with (tmp_path / "agents.toml").open("a", encoding="utf-8") as file:
        file.write('[[agents]]\nnumber = "1078"\nname = "Next"\nskills = {}\n')
    served.agents.writes_until_away = 2  # an agent and a password
    typed = await shell("agents", "import", "--config", wanted)
    assert typed.status == 1
    assert "1077 added, password of the phone " in typed.out
    assert AgentId("1078") not in served.centre.agent_records


async def test_agent_who_is_refused_is_named_and_the_others_are_added(
    shell: Shell, served: Served, tmp_path: Path
) -> None:
    wanted = config(tmp_path)
    with (tmp_path / "agents.toml").open("a", encoding="utf-8") as file:
        file.write('[[agents]]\nnumber = "1078"\nname = ""\nskills = {}\n\n')
        file.write('[[agents]]\nnumber = "1079"\nname = "Last"\nskills = {}\n')
    typed = await shell("agents", "import", "--config", wanted)
    assert typed.status == 1
    assert "agents.2: 1078 is refused: name" in typed.err
    assert "1077 added, password of the phone " in typed.out
    assert "1079 added, password of the phone " in typed.out


async def test_number_that_no_phone_can_have_is_named_and_changes_nothing(
    shell: Shell, served: Served, tmp_path: Path
) -> None:
    before = dict(served.centre.agent_records)
    wanted = config(tmp_path)
    with (tmp_path / "agents.toml").open("a", encoding="utf-8") as file:
        file.write('[[agents]]\nnumber = "../calls"\nname = "Path"\nskills = {}\n')
    typed = await shell("agents", "import", "--config", wanted)
    assert typed.status == 1
    assert "agents.2.number: '../calls' cannot be an agent's number" in typed.err
    assert served.centre.agent_records == before


async def test_number_that_is_given_twice_is_named_and_changes_nothing(
    shell: Shell, served: Served, tmp_path: Path
) -> None:
    before = dict(served.centre.agent_records)
    wanted = config(tmp_path)
    with (tmp_path / "agents.toml").open("a", encoding="utf-8") as file:
        file.write('[[agents]]\nnumber = "1077"\nname = "Twin"\nskills = {}\n')
    typed = await shell("agents", "import", "--config", wanted, "--update")
    assert typed.status == 1
    assert "agents.2.number: 1077 is given twice" in typed.err
    assert served.centre.agent_records == before
