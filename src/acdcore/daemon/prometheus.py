"""The daemon's metrics for Prometheus, read from its parts when they are scraped."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from acdcore.calls.context import CallContext
from acdcore.calls.operations import Operations
from acdcore.calls.switchboard import Switchboard


class DaemonCollector(Collector):
    """Calls, trunk capacity, queues, agents, refusals and audio."""

    def __init__(self, context: CallContext, switchboard: Switchboard, operations: Operations) -> None:
        self._context = context
        self._switchboard = switchboard
        self._operations = operations

    def collect(self) -> Iterator[Metric]:
        """All metric families."""
        yield GaugeMetricFamily("acdcore_calls", "Calls that are up", len(self._switchboard.calls))
        yield GaugeMetricFamily(
            "acdcore_trunk_capacity_taken", "Trunk capacity in use", self._context.trunk_capacity.taken
        )
        yield GaugeMetricFamily("acdcore_recordings_running", "Recordings not complete", self._context.recorder.running)
        yield self._alarms()
        yield self._event_faults()
        yield from self._sip()
        yield from self._refusals()
        yield from self._queues()
        yield from self._engine()
        yield from self._listening()

    def _alarms(self) -> Metric:
        """1 while an alarm is raised; 0 for alarms that were raised since the start and have ended."""
        alarms = GaugeMetricFamily("acdcore_alarm", "1 while the alarm is raised", labels=["name", "about", "severity"])
        registry = self._context.event_log.alarms
        found = {(alarm.kind, alarm.about): 0.0 for alarm in registry.past()}
        found |= {(alarm.kind, alarm.about): 1.0 for alarm in registry.raised()}
        for (kind, about), value in found.items():
            alarms.add_metric([kind.name, about, kind.severity.value], value)
        return alarms

    def _event_faults(self) -> Metric:
        faults = CounterMetricFamily("acdcore_event_faults", "Events whose handler failed", labels=["event", "handler"])
        for labels, count in self._context.bus.faults.items():
            faults.add_metric(list(labels), count)
        return faults

    def _sip(self) -> Iterator[Metric]:
        census = self._context.event_router.stack.census()
        yield GaugeMetricFamily("acdcore_sip_sessions", "SIP sessions, ringing or talking", census.sessions)
        yield GaugeMetricFamily("acdcore_sip_dialogs", "SIP dialogs", census.dialogs)
        yield GaugeMetricFamily("acdcore_sip_transactions", "SIP transactions", census.transactions)
        connections = self._context.event_router.stack.connections
        yield GaugeMetricFamily("acdcore_sip_connections", "SIP connections over TCP that are open", connections)

    def _refusals(self) -> Iterator[Metric]:
        refused = CounterMetricFamily("acdcore_refused", "Requests and calls refused", labels=["what", "reason"])
        for kind, count in self._switchboard.refusals.counts.items():
            refused.add_metric(list(kind), count)
        yield refused
        discarded = CounterMetricFamily("acdcore_sip_discarded", "SIP messages dropped", labels=["reason"])
        for why, count in self._context.event_router.stack.discarded.items():
            discarded.add_metric([why.value], count)
        yield discarded
        tolerated = CounterMetricFamily("acdcore_sip_tolerated", "SIP messages taken despite a fault", labels=["fault"])
        for fault, count in self._context.event_router.stack.tolerated.items():
            tolerated.add_metric([fault.value], count)
        yield tolerated

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("acdcore_queue_waiting", "Callers waiting", labels=["queue"])
        ready = GaugeMetricFamily("acdcore_queue_agents_ready", "Agents ready", labels=["queue"])
        offered = CounterMetricFamily("acdcore_queue_offered", "Callers who entered", labels=["queue"])
        answered = CounterMetricFamily("acdcore_queue_answered", "Callers connected to an agent", labels=["queue"])
        for queue in self._operations.queues():
            waiting.add_metric([queue.name], queue.waiting + queue.ringing)
            ready.add_metric([queue.name], queue.agents_ready)
            offered.add_metric([queue.name], queue.offered)
            answered.add_metric([queue.name], queue.answered)
        yield from (waiting, ready, offered, answered)

    def _listening(self) -> Iterator[Metric]:
        listening = self._context.listening
        yield GaugeMetricFamily("acdcore_listeners", "Callers who are listened to", listening.running)
        listened = CounterMetricFamily("acdcore_listened", "Spoken answers awaited", labels=["result"])
        for result, count in listening.results.items():
            listened.add_metric([result], count)
        yield listened

    def _engine(self) -> Iterator[Metric]:
        figures = self._operations.engine()
        yield GaugeMetricFamily("acdcore_streams", "Open audio streams", figures.streams)
        yield GaugeMetricFamily("acdcore_ports_free", "Port pairs left", figures.ports_free)
        lost = figures.tap_samples_dropped
        yield CounterMetricFamily("acdcore_tap_samples_dropped", "Samples lost to recordings", lost)
