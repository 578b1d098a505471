"""The flows that come with the configuration, for a call centre to run."""

from pathlib import Path

from tests.ivr.flow_files import load_flows

from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.model.flow import Flow
from acdcore.kernel.ids import QueueName

CONFIG = Path("config/ivr")


def packaged_flows(*names: str) -> dict[str, Flow]:
    """Those flows by name."""
    flows = load_flows(CONFIG, FlowReferences(frozenset({QueueName("service"), QueueName("sales")})))
    return {str(name): flow for name, flow in flows.items() if name in names}
