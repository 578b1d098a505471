"""docs/alarms.md names every alarm that the code can raise, with its severity and no others."""

import importlib
import pkgutil
import re
from pathlib import Path

import acdcore
from acdcore.kernel.alarms import AlarmKind

PAGE = Path(__file__).parents[2] / "docs" / "alarms.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def declared() -> dict[str, AlarmKind]:
    """Every kind that any module declares, by name."""
    found: dict[str, AlarmKind] = {}
    for module in pkgutil.walk_packages(acdcore.__path__, "acdcore."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, AlarmKind):
                assert found.setdefault(value.name, value) is value, f"{value.name} is declared twice"
    return found


def test_page_of_alarms_has_every_alarm_with_its_severity_and_remedy() -> None:
    rows = {name: (severity, remedy) for name, severity, _, _, remedy in ROW.findall(PAGE.read_text())}
    assert rows == {kind.name: (kind.severity.value, kind.remedy) for kind in declared().values()}
