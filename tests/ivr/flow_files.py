"""Flow files that a test takes to be right."""

from pathlib import Path

from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.files.flows import read_flows
from acdcore.ivr.model.flow import Flow, FlowName
from acdcore.kernel.errors import raise_together


def load_flows(directory: Path, references: FlowReferences) -> dict[FlowName, Flow]:
    """All flows of a directory. Raises SettingsError, for all that is wrong in all of them."""
    read = read_flows(directory, references)
    raise_together(read.errors)
    return read.flows
