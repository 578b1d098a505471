"""Flows as files: `config/ivr/NAME.toml` to `Flow`."""

from pathlib import Path

from acdcore.ivr.check import Surroundings
from acdcore.ivr.model import Flow, FlowName


def read_flow(file: Path) -> Flow:
    """Read one flow without checking it against anything else. Raises SettingsError naming file and key."""
    ...


def load_flows(directory: Path, surroundings: Surroundings) -> dict[FlowName, Flow]:
    """Read and check all flows of a directory.

    Raises SettingsError for the first problem; its text counts the further ones.
    """
    ...
