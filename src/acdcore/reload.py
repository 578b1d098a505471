"""Reload: settings, flows, calendars and prompts are read and checked as a whole, then take effect as a whole."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from acdcore.advice import advice
from acdcore.calls.access import Access
from acdcore.calls.commands import ReloadReport
from acdcore.calls.hall import Hall
from acdcore.calls.screening import Screen
from acdcore.calls.switchboard import Switchboard
from acdcore.differences import differences
from acdcore.ivr.model import PromptKey, PromptRequest, WavFile
from acdcore.kernel.errors import AcdError
from acdcore.plan import Plan, make_plan
from acdcore.queues.model import FloorChanged
from acdcore.settings import load
from acdcore.sip.digest import DigestServer


@dataclass(frozen=True, slots=True)
class Sounds:
    """All that is ever played, as PCM (16 bit, mono, 8 kHz)."""

    prompts: Mapping[PromptKey, bytes]
    music: Mapping[str, bytes]
    """By queue, `""` for all others."""


@dataclass(slots=True)
class Reloader:
    """Knows what runs; one reload at a time."""

    plan: Plan
    """What runs."""
    hall: Hall
    switchboard: Switchboard
    screen: Screen
    digest: DigestServer
    make_sounds: Callable[[Plan], Sounds]
    """Renders what a plan asks for; takes its time, in a thread."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, by: str, is_dry_run: bool) -> ReloadReport:
        """Read anew and apply, or only say what would change; problems are reported, never raised."""
        async with self._turn:
            report = await self._reload(is_dry_run)
        if not is_dry_run:
            log = structlog.get_logger("reload")
            log.info("reload", by=by, applied=report.is_applied, changes=len(report.changes), problems=report.problems)
            self.hall.chronicle.reloaded(report)
        return report

    async def _reload(self, is_dry_run: bool) -> ReloadReport:
        file = self.plan.file
        try:
            plan = await asyncio.to_thread(lambda: make_plan(load(file, os.environ), file))
            changes = differences(self.plan, plan)
            warnings = advice(plan, self.hall.directory.agents(), self.hall.clock.wall())
            if is_dry_run:
                return ReloadReport(False, (), warnings, changes)
            sounds = await asyncio.to_thread(self.make_sounds, plan)
        except AcdError as error:
            return ReloadReport(False, (str(error),), (), ())
        self._apply(plan, sounds)
        return ReloadReport(True, (), warnings, changes)

    def _apply(self, plan: Plan, sounds: Sounds) -> None:
        """From one turn of the loop to the next everything is new; whoever is on the line keeps what he came under."""
        hall, settings = self.hall, plan.settings
        running = {request.key: request for request in self.plan.prompts}
        hall.voice.extend({key: sounds.prompts[key] for key in changed(plan.prompts, running)}, sounds.music)
        rules = plan.rules()
        hall.rules = rules
        hall.acd.feed(FloorChanged(settings.floor()))
        hall.lines.change(settings.line_settings(), {trunk.name: trunk.lines for trunk in rules.trunks.trunks})
        self.switchboard.access = Access(rules.trunks, hall.directory, self.digest, self.plan.settings.sip.realm)
        self.screen.change(rules.screening.limits)
        hall.workbench.configure(settings.book())
        hall.hours.follow(rules)
        self.plan = plan


def changed(prompts: tuple[PromptRequest, ...], running: Mapping[PromptKey, PromptRequest]) -> list[PromptKey]:
    """Prompts that are new or sound differently; a recording's file may have been replaced under the same name."""
    return [
        request.key
        for request in prompts
        if request.key not in running
        or running[request.key].source != request.source
        or isinstance(request.source, WavFile)
    ]
