"""README and docs/configuration.md held to the code: every example is run, every key and default is compared."""

import asyncio
import dataclasses
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Ge, Le
from bench.daemon import Daemon, DaemonSettings, scratch
from bench.ports import listener_environment, media_environment
from pydantic import BaseModel

from acdcore.configuration.settings import Settings, load
from acdcore.configuration.snapshot import load_snapshot
from acdcore.ivr.calendars.file import load_calendars
from acdcore.ivr.reading.phrases import PLACEHOLDERS
from acdcore.kernel.mistakes import keys_of
from acdcore.storage.stores.seed import read_seeds

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "docs" / "configuration.md"
README = ROOT / "README.md"
HEADING = re.compile(r"^(?:(\[+)([^\]]+)\]+)", re.MULTILINE)


# --- examples ---


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the output that the page shows after it, if any."""

    language: str
    text: str
    output: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [
        Block(language, text, answer.strip() if answer_language == "text" else "")
        for (language, text), (answer_language, answer) in pairwise([*found, ("", "")])
    ]


def examples(language: str) -> list[Block]:
    """The configuration page's blocks in one language."""
    return [block for block in blocks(CONFIGURATION) if block.language == language]


def configured(directory: Path, toml: str = "") -> Path:
    """A copy of config/ in which the example's tables stand in place of the shipped ones; the settings file."""
    shutil.copytree(ROOT / "config", directory / "config")
    name = toml.partition("\n")[0].removeprefix("# ").strip()
    if name != "acdcore.toml":
        (directory / "config" / (name or "unused")).write_text(toml)
        return directory / "config" / "acdcore.toml"
    file = directory / "config" / name
    own = {path for _, path in HEADING.findall(toml)}
    parts = re.split(r"(?=^\[)", file.read_text("utf-8"), flags=re.MULTILINE)
    others = [part for part in parts if not ((first := HEADING.match(part)) and first[2] in own)]
    file.write_text(toml + "\n" + "".join(others))
    return file


async def output_of(command: str, directory: Path) -> tuple[int | None, str]:
    """Exit status and all output of a shell command, with `acdcore` on its path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACDCORE_")}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-c", command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=directory,
        env={**environment, **listener_environment(), "PATH": path, "COLUMNS": "200"},
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.parametrize(
    "example", [each for each in examples("toml") if not each.output], ids=lambda each: each.text[:60]
)
def test_example_is_taken_by_the_loader(example: Block, tmp_path: Path) -> None:
    file = configured(tmp_path, example.text)
    load_snapshot(load(file, {}), file)
    here = file.parent
    load_calendars(here / "calendars.toml")
    seeds = read_seeds(here / "agents.toml", here / "customers.toml", "acdcore", {})
    assert seeds.agents and seeds.customers


def test_every_sentence_with_a_value_is_told() -> None:
    """The table of the house's own prompts has each of them with its placeholder."""
    rows = re.findall(r"^\| (`[^|]+`) \| `(\{\w+\})`", CONFIGURATION.read_text("utf-8"), re.MULTILINE)
    told = {name: placeholder for names, placeholder in rows for name in re.findall("`([^`]+)`", names)}
    assert told == {phrase.value: placeholder for phrase, placeholder in PLACEHOLDERS.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", [each for each in examples("toml") if each.output], ids=lambda each: each.output[:80]
)
async def test_mistake_is_refused_in_the_words_of_the_page(example: Block, tmp_path: Path) -> None:
    configured(tmp_path, example.text)
    assert await output_of("acdcore check", tmp_path) == (1, example.output + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("example", examples("sh"), ids=lambda each: each.text[:80])
async def test_command_does_what_the_page_says(example: Block, tmp_path: Path) -> None:
    configured(tmp_path)
    status, output = await output_of(example.text, tmp_path)
    if example.output:
        assert (status, output) == (1, example.output + "\n")
    else:
        assert status == 0, output


def share_prompts(directory: Path) -> None:
    """Take the prompts from the repository's cache, and leave new ones there."""
    cache = ROOT / "var" / "prompts"
    cache.mkdir(parents=True, exist_ok=True)
    (directory / "var").mkdir()
    (directory / "var" / "prompts").symlink_to(cache, target_is_directory=True)


@pytest.mark.wire
async def test_commands_of_the_readme_work_on_a_running_daemon() -> None:
    commands = [block.text for block in blocks(README) if block.language == "sh"]
    assert any("curl" in command for command in commands)
    with scratch("readme") as directory:
        share_prompts(directory)
        async with Daemon(DaemonSettings(directory, environment=media_environment(800))) as daemon:
            for command in commands:
                status, output = await output_of(command.replace("127.0.0.1:8080", str(daemon.http)), directory)
                assert status == 0, output
                assert '"is_known": true' in output or '"is_known":true' in output


# --- keys ---


@dataclass(frozen=True)
class Key:
    """A key of the settings as the code has it."""

    table: str
    name: str
    default: str
    limits: tuple[str, ...]


def keys(table: type, path: str = "") -> Iterator[Key]:
    """Every key below a table, with NAME for names that the operator gives."""
    for name, field in fields_of(table).items():
        inner = table_of(field.kind)
        if inner is None:
            yield Key(path or name, name, shown(field), limits(field))
        elif get_origin(field.kind) not in (dict, Mapping) or name in ("routes", "overflow"):
            yield from keys(inner, f"{path}.{name}".lstrip("."))
        else:
            yield from keys(inner, f"{path}.{name}.NAME".lstrip("."))


@dataclass(frozen=True)
class Field:
    """A field of a section."""

    kind: object
    default: object
    """`MISSING` where the key is required."""
    metadata: tuple[object, ...] = ()
    """Bounds among other things."""


def fields_of(table: type) -> dict[str, Field]:
    """The fields of a section by their names."""
    if issubclass(table, BaseModel):
        return {
            name: Field(
                field.annotation,
                dataclasses.MISSING if field.is_required() else field.get_default(call_default_factory=True),
                tuple(field.metadata),
            )
            for name, field in table.model_fields.items()
        }
    hints = get_type_hints(table, include_extras=True)
    assert dataclasses.is_dataclass(table)
    return {
        field.name: of_dataclass(field, hints[field.name])
        for field in dataclasses.fields(table)
        if field.name in keys_of(table)
    }


def of_dataclass(field: "dataclasses.Field[object]", hint: object) -> Field:
    """The same of a dataclass's field with its type."""
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    kind, *metadata = get_args(hint) if get_origin(hint) is Annotated else [hint]
    return Field(kind, default, tuple(metadata))


def table_of(kind: object) -> type | None:
    """The table that a type is, or is a mapping to."""
    for candidate in (kind, *get_args(kind)):
        if isinstance(candidate, type) and (issubclass(candidate, BaseModel) or dataclasses.is_dataclass(candidate)):
            return candidate
    return None


def shown(field: Field) -> str:
    """A default as the page writes it."""
    default = field.default
    if default is dataclasses.MISSING:
        return "required"
    match default:
        case None:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case Enum():
            return f'`"{default.value}"`'
        case int() | float():
            return f"`{default:g}`"
        case [IPv4Network() | IPv6Network(), *_]:
            return "`[" + ", ".join(f'"{each}"' for each in default) + "]`"
        case frozenset():
            return f"`{sorted(default)}`"
        case list() | dict():
            return f"`{default}`"
        case tuple():
            shown_each = [f'"{each}"' if isinstance(each, str) else f"{each:g}" for each in default]
            return f"`[{', '.join(shown_each)}]`"
        case _:
            return f'`"{default}"`'


def limits(field: Field) -> tuple[str, ...]:
    """The figures between which a value must lie."""
    bounds = [bound.ge if isinstance(bound, Ge) else bound.le for bound in field.metadata if isinstance(bound, Ge | Le)]
    return tuple(f"{float(str(bound)):.10g}" for bound in bounds)


def documented() -> Mapping[tuple[str, str], tuple[str, str]]:
    """Default and meaning by table and key, from the page's tables below headings like `[sip]`."""
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for section in re.split(r"^#+ ", CONFIGURATION.read_text("utf-8"), flags=re.MULTILINE):
        heading = re.match(r"`\[*([^\]`]+)\]*`", section)
        for name, default, meaning in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", section, re.MULTILINE):
            if heading:
                rows[heading[1], name] = default, meaning
    return rows


def test_every_key_is_documented_and_no_other() -> None:
    assert documented().keys() == {(key.table, key.name) for key in keys(Settings)}


@pytest.mark.parametrize("key", tuple(keys(Settings)), ids=lambda key: f"{key.table}.{key.name}")
def test_key_is_documented_with_its_default_and_limits(key: Key) -> None:
    default, meaning = documented()[key.table, key.name]
    assert default == key.default
    for limit in key.limits:
        assert limit == "0" or re.search(rf"\b{re.escape(limit)}\b", meaning), (limit, meaning)


# --- commands and links ---


def test_make_targets_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (README, ROOT / "CONTRIBUTING.md"):
        named = set(
            re.findall(r"\bmake ([a-z-]+)", " ".join(re.findall(r"`[^`]+`|^    .*$", page.read_text("utf-8"), re.M)))
        )
        assert named and named <= targets, (page.name, named - targets)


@pytest.mark.slow
async def test_acdcore_commands_of_the_documents_exist(tmp_path: Path) -> None:
    text = README.read_text("utf-8") + CONFIGURATION.read_text("utf-8")
    commands = set(re.findall(r"\bacdcore (run|check|[a-z]+(?= --))\b", text))
    assert {"run", "check"} <= commands
    for command in commands:
        status, output = await output_of(f"acdcore {command} --help", tmp_path)
        assert status == 0, output
        assert "--config" in output


def test_links_lead_to_files() -> None:
    for page in (README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
