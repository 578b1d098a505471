"""Reload with calls in progress: all or nothing, new settings for new calls, old ones for calls in progress."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    CLIP_S,
    EXCHANGE,
    REALM,
    SALES,
    SERVICE,
    SERVICE_LINE,
    CallCentre,
    opened,
)

from acdcore.calls.admission.screening import Screen
from acdcore.calls.model.commands import AgentCommand, LiveAgentState, LiveHours, ReloadReport, SettingChange
from acdcore.calls.record.event_stream import AlarmChange, StreamEventKind
from acdcore.calls.services.email_notices import EmailNotices, MailSettings
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.control.settings import ApiKey
from acdcore.daemon.reload import AudioMarks, KeyFile, Reloader, RenderedAudio
from acdcore.daemon.secrets import API_KEYS_FILE, read_keys
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, WavFile
from acdcore.kernel.errors import Outcome, SettingsError
from acdcore.kernel.ids import IdSource, QueueName
from acdcore.numbering.key import matching_key
from acdcore.queues.inputs import MAX_FORMER_EDITIONS
from acdcore.sip.auth.digest import DigestServer
from acdcore.work.model import WorkId, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

CONFIG = Path(__file__).parents[2] / "config"
TRUNK_PASSWORD = "the trunk's password"
SETTINGS = f"""
[trunks.carrier]
addresses = ["198.51.100.0/24"]
capacity = 20
user = "carrier"
password = "{TRUNK_PASSWORD}"
target = "sip:{EXCHANGE}"
may_dial_out = true

[trunks.carrier.routes]
{SERVICE_LINE} = {{ flow = "service" }}
95510 = {{ flow = "spoken" }}

[queues.service]
ring_for_s = 15
wrap_up_s = 10

[queues.sales]
"""
SERVICE_FLOW = """
start = "queue"
[nodes.queue]
type = "queue"
queue = "service"
"""
SPOKEN_FLOW = """
languages = ["cmn"]
start = "say"
[nodes.say]
type = "play"
prompts = ["words"]
next = "end"
[nodes.end]
type = "hang_up"
[prompts.words]
cmn = "旧"
"""
CALENDARS = """
[calendars.shop]
timezone = "UTC"
mon = ["09:00-17:00"]
"""


@dataclass
class Site:
    """A call centre that runs with the files of a directory."""

    centre: CallCentre
    files: Path
    reloader: Reloader

    @property
    def settings(self) -> Path:
        """The operator's file."""
        return self.files / "acdcore.toml"

    def change(self, was: str, becomes: str, file: str = "acdcore.toml") -> None:
        """Edit a file; what is replaced must be there once."""
        path = self.files / file
        text = path.read_text("utf-8")
        assert text.count(was) == 1, (was, text)
        path.write_text(text.replace(was, becomes), "utf-8")

    def append(self, text: str) -> None:
        """Add tables to the operator's file."""
        with self.settings.open("a", encoding="utf-8") as file:
            file.write(text)

    async def reload(self, *, is_dry_run: bool = False) -> ReloadReport:
        """One reload."""
        return await self.reloader("staff", is_dry_run)

    async def applied(self) -> ReloadReport:
        """One reload that must succeed."""
        report = await self.reload()
        assert (report.is_applied, report.problems) == (True, ())
        return report

    def alarms(self) -> list[tuple[str, bool, str]]:
        """Every alarm so far."""
        return [
            (event.data.name, event.data.is_raised, event.data.detail)
            for event in self.centre.event_stream._history
            if event.kind is StreamEventKind.ALARM and isinstance(event.data, AlarmChange)
        ]


def sounds_of(plan: Snapshot) -> RenderedAudio:
    """Each prompt half a second of what nothing else sounds like."""

    for one in plan.prompts:
        if one.source == WavFile("absent.wav"):
            raise SettingsError(one.settings_file, "prompts", "absent.wav cannot be read")

    def pcm(what: object) -> bytes:
        digest = sha256(str(what).encode()).digest()
        return digest * (int(16_000 * CLIP_S) // len(digest))

    music = {name: pcm(("music", table.music)) for name, table in plan.settings.queues.items() if table.music}
    return RenderedAudio({one.key: pcm(one.source) for one in plan.prompts}, {"": pcm("music"), **music})


def write_files(files: Path) -> Path:
    """A small configuration; the operator's file."""
    shutil.copytree(CONFIG / "prompts", files / "prompts")
    (files / "calendars.toml").write_text(CALENDARS, "utf-8")
    (files / "ivr").mkdir()
    (files / "ivr" / "service.toml").write_text(SERVICE_FLOW, "utf-8")
    (files / "ivr" / "spoken.toml").write_text(SPOKEN_FLOW, "utf-8")
    file = files / "acdcore.toml"
    file.write_text(SETTINGS, "utf-8")
    return file


class AtOnce(ThreadPoolExecutor):
    """Does what is handed to a thread at once: the virtual clock goes on while a thread works."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@asynccontextmanager
async def at_site(files: Path) -> AsyncIterator[Site]:
    """A call centre that has read the files."""
    file = write_files(files)
    asyncio.get_running_loop().set_default_executor(AtOnce())
    async with opened() as centre:
        plan = load_snapshot(load(file, {}), file)
        screen = Screen(plan.rules().screening, matching_key)
        notices = EmailNotices(MailSettings(), centre.context.event_log, centre.bus, files)
        digest = DigestServer(REALM, b"secret", IdSource(3))

        reloader = Reloader(
            plan, centre.context, centre.switchboard, screen, digest, notices, sounds_of, AudioMarks({}, {})
        )
        site = Site(centre, files, reloader)
        await site.applied()
        yield site


def callback(centre: CallCentre, queue: QueueName, number: str = "13900000001") -> WorkItem:
    """A callback that was asked for now."""
    return WorkItem(WorkId(f"W{number}"), WorkKind.CALLBACK, queue, number, centre.clock.wall())


# --- all or nothing ---


async def test_nothing_changed_is_nothing_reported(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        report = await site.applied()
        assert report.changes == ()


async def test_new_settings_hold_for_the_next_caller(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change("ring_for_s = 15", "ring_for_s = 5")
        report = await site.applied()
        assert report.changes == (SettingChange("queues.service.ring_for_s", "15.0", "5.0"),)
        agent, caller = await site.centre.seat("1001"), site.centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await site.centre.pass_time(4)
        assert agent.rings
        await site.centre.pass_time(2)
        assert not agent.rings
        caller.hang_up()
        await site.centre.pass_time(1)


@pytest.mark.parametrize(
    ("was", "becomes", "file", "problem"),
    [
        ("ring_for_s = 15", "ring_for_s = 0", "acdcore.toml", "queues.service.ring_for_s"),
        ("ring_for_s = 15", "ring_for = 15", "acdcore.toml", "queues.service.ring_for: is not a key"),
        ("ring_for_s = 15", "ring_for_s =", "acdcore.toml", "acdcore.toml: is not TOML"),
        ('flow = "spoken"', 'flow = "absent"', "acdcore.toml", "trunks.carrier.routes.95510: there is no flow absent"),
        ("198.51.100.0/24", "198.51.100.1/24", "acdcore.toml", "trunks.carrier.addresses.0"),
        ('queue = "service"', 'queue = "nowhere"', "ivr/service.toml", "ivr/service.toml: nodes.queue.queue"),
        ('cmn = "旧"', "cmn = 7", "ivr/spoken.toml", "ivr/spoken.toml: prompts.words.cmn"),
        ("[calendars.shop]", "[calendars.shop]\nmonday = []", "calendars.toml", "calendars.toml: calendars.shop"),
    ],
)
async def test_one_mistake_changes_nothing_and_is_named_by_file_and_key(
    tmp_path: Path, was: str, becomes: str, file: str, problem: str
) -> None:
    async with at_site(tmp_path) as site:
        running = site.centre.context.rules
        site.change("wrap_up_s = 10", "wrap_up_s = 99")
        site.change(was, becomes, file)
        report = await site.reload()
        assert not report.is_applied
        assert len(report.problems) == 1
        assert problem in report.problems[0], report.problems
        assert site.centre.context.rules is running
        (caller, agent) = site.centre.caller("13800000001"), await site.centre.seat("1001")
        caller.call(SERVICE_LINE)
        await site.centre.pass_time(1)
        agent.answer()
        await site.centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await site.centre.pass_time(11)
        assert site.centre.state("1001") is LiveAgentState.READY


@pytest.mark.parametrize("is_dry_run", [True, False])
async def test_sound_that_cannot_be_made_is_found_before_anything_changes(tmp_path: Path, is_dry_run: bool) -> None:
    async with at_site(tmp_path) as site:
        running = site.centre.context.rules
        site.change('cmn = "旧"', 'wav = "absent.wav"', "ivr/spoken.toml")
        report = await site.reload(is_dry_run=is_dry_run)
        assert "ivr/spoken.toml: prompts: absent.wav" in report.problems[0]
        assert site.centre.context.rules is running


@pytest.mark.parametrize("file", ["acdcore.toml", "calendars.toml", "prompts/system.toml", "ivr/service.toml"])
@pytest.mark.parametrize("fate", ["gone", "not UTF-8", "a directory"])
async def test_file_that_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path, file: str, fate: str) -> None:
    async with at_site(tmp_path) as site:
        path = tmp_path / file
        path.unlink()
        if fate == "not UTF-8":
            path.write_bytes(b"\xff\xfe")
        elif fate == "a directory":
            path.mkdir()
        report = await site.reload()
        assert not report.is_applied
        assert len(report.problems) == 1


async def test_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        running = site.centre.context.rules
        site.change("ring_for_s = 15", "ring_for_s = 5")
        site.change('cmn = "旧"', 'cmn = "新"', "ivr/spoken.toml")
        for _ in range(2):
            report = await site.reload(is_dry_run=True)
            assert not report.is_applied
            assert [change.key for change in report.changes] == [
                "queues.service.ring_for_s",
                "prompts: spoken.words.cmn",
            ]
        assert site.centre.context.rules is running
        assert StreamEventKind.RELOADED not in {event.kind for event in list(site.centre.event_stream._history)[1:]}


async def test_two_reloads_at_once_happen_one_after_the_other(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change("ring_for_s = 15", "ring_for_s = 5")
        first, second = await asyncio.gather(site.reload(), site.reload())
        assert [len(report.changes) for report in (first, second)] == [1, 0]
        assert first.is_applied
        assert second.is_applied


async def test_reload_that_nobody_waits_for_any_more_changes_nothing_or_all(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        running = site.centre.context.rules
        site.change("ring_for_s = 15", "ring_for_s = 5")
        task = asyncio.create_task(site.reload())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert site.centre.context.rules is running
        assert len((await site.applied()).changes) == 1


async def test_feed_tells_of_a_reload(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        report = await site.applied()
        assert site.centre.event_stream._history[-1].data == report


# --- what is read at the start ---


async def test_sections_of_the_start_stay_as_they_run_and_say_that_they_wait_for_one(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.append('[sip]\nrealm = "elsewhere"\n[http]\nport = 8181\n')
        for _ in range(2):  # the second one too: what was read is not what runs
            report = await site.applied()
            assert report.changes == (
                SettingChange("http.port", "8080", "8181", needs_restart=True),
                SettingChange("sip.realm", "acdcore", "elsewhere", needs_restart=True),
            )
        agent = await site.centre.seat("1001")  # proves itself in the realm that runs
        assert agent.statuses() == [200]


async def test_secrets_are_in_no_report(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change(TRUNK_PASSWORD, "another one")
        site.append(
            '[services.crm]\nurl = "http://192.0.2.9/"\nheaders = { Authorization = "Bearer 123456" }\n'
            '[notices]\nsmtp = "127.0.0.1:25"\nsender = "a@example.org"\nto = ["b@example.org"]\n'
            'password = "mail secret"\n'
        )
        report = await site.applied()
        shown = {change.key: (change.was, change.becomes) for change in report.changes}
        assert shown["trunks.carrier.password"] == ("***", "***")
        assert shown["services.crm.headers.Authorization"] == ("", "***")
        assert shown["notices.password"] == ("", "***")
        for secret in (TRUNK_PASSWORD, "another one", "123456", "mail secret"):
            assert secret not in repr(report)


async def test_keys_that_are_added_and_revoked_count_from_the_reload_on(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        file, used = tmp_path / API_KEYS_FILE, list[tuple[ApiKey, ...]]()
        file.write_text("admin admin first\nboard read second\n", "utf-8")
        site.reloader.keys = KeyFile(tmp_path, read_keys(tmp_path), used.append)
        file.write_text("admin admin other\ncrm operate third\n", "utf-8")
        wanted = (
            SettingChange("api-keys: admin", "admin", "admin (another secret)"),
            SettingChange("api-keys: board", "read", ""),
            SettingChange("api-keys: crm", "", "operate"),
        )
        assert (await site.reload(is_dry_run=True)).changes == wanted
        assert used == []
        assert (await site.applied()).changes == wanted
        assert [[key.name for key in keys] for keys in used] == [["admin", "crm"]]
        assert (await site.applied()).changes == ()
        file.write_text("admin owner other\n", "utf-8")
        site.change("ring_for_s = 15", "ring_for_s = 5")
        report = await site.reload()
        assert "api-keys: line 1" in report.problems[0]
        assert not report.is_applied
        assert len(used) == 2


async def test_agents_file_that_says_something_else_than_what_is_in_force_is_a_warning(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        (tmp_path / "agents.toml").write_text('[[agents]]\nnumber = "1005"\nname = "x"\nskills = {}\n', "utf-8")
        assert any("agents.toml" in text and "1005" in text for text in (await site.applied()).warnings)


async def test_trunk_may_not_take_an_agents_number_for_its_user(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.centre.employ("1001")
        site.change('user = "carrier"', 'user = "1001"')
        report = await site.reload()
        assert "trunks.carrier.user: 1001 is an agent's number" in report.problems[0]


async def test_reload_changes_who_is_known_and_what_guessing_costs(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        control = site.centre.switchboard.admission
        assert not control.sources.is_known("203.0.113.9", 0.0)
        site.append('[security]\nfailures_before_ban = 2\nban_first_s = 7\nknown_networks = ["203.0.113.0/24"]\n')
        await site.applied()
        assert control.sources.is_known("203.0.113.9", 0.0)
        assert control.lockout.offended("192.0.2.9", 0.0) is None
        banned = control.lockout.offended("192.0.2.9", 0.0)
        assert banned is not None and banned.for_s == 7.0


# --- who is on the line ---


async def test_waiting_caller_keeps_the_settings_that_the_call_came_under(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change(
            "ring_for_s = 15", 'ring_for_s = 15\nmax_wait_s = 60\noverflow.wait = { announcement = "system.closed" }'
        )
        await site.applied()
        early, late = site.centre.caller("13800000001"), site.centre.caller("13800000002")
        early.call(SERVICE_LINE)
        await site.centre.pass_time(5)
        site.change("max_wait_s = 60", "max_wait_s = 20")
        await site.applied()
        late.call(SERVICE_LINE)
        await site.centre.pass_time(25)
        assert early.is_up
        assert not late.is_up
        await site.centre.pass_time(35)
        assert not early.is_up


async def test_ringing_phone_and_talk_go_on(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        agent, caller = await centre.seat("1001"), centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        site.change("ring_for_s = 15", "ring_for_s = 1")
        await site.applied()
        await centre.pass_time(5)
        assert agent.rings
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        await site.applied()
        await centre.pass_time(5)
        assert centre.state("1001") is LiveAgentState.TALKING
        agent.hang_up()
        await centre.pass_time(1)
        assert [line.split()[1] for line in centre.call_history()].count("offered") == 1
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_trunk_that_is_removed_keeps_its_calls_and_takes_no_new_ones(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        agent, caller, late = await centre.seat("1001"), centre.caller("13800000001"), centre.caller("13800000002")
        await centre.talk(agent, caller)
        site.change("[trunks.carrier]", "[trunks.other]")
        site.change("198.51.100.0/24", "203.0.113.0/24")
        site.change("[trunks.carrier.routes]", "[trunks.other.routes]")
        await site.applied()
        late.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert late.refused_with == 401
        assert caller.is_up
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.context.trunk_capacity.taken == 0
        stranger = centre.stranger("13800000003")
        stranger.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert stranger.is_up
        stranger.hang_up()
        await centre.pass_time(1)


async def test_fewer_lines_than_are_taken_hang_nobody_up(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        callers = [centre.caller(f"1380000000{n}") for n in range(4)]
        for caller in callers[:3]:
            caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        site.append('[trunk_capacity]\nlimit = 2\nwhen_full = "refuse"\n')
        report = await site.applied()
        assert [text for text in report.warnings if text.startswith("trunk_capacity.limit")] == [
            "trunk_capacity.limit is 2, but 3 are taken: new calls are refused until fewer are taken"
        ]
        callers[3].call(SERVICE_LINE)
        await centre.pass_time(1)
        assert callers[3].refused_with == 503
        assert all(caller.is_up for caller in callers[:3])
        for caller in callers[:2]:
            caller.hang_up()
        await centre.pass_time(1)
        callers[3].call(SERVICE_LINE)
        await centre.pass_time(1)
        assert callers[3].is_up
        for caller in callers[2:]:
            caller.hang_up()
        await centre.pass_time(1)


async def test_screening_and_routes_hold_at_once(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change(f"{SERVICE_LINE} = ", "95599 = ")
        await site.applied()
        caller = site.centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await site.centre.pass_time(1)
        assert caller.refused_with == 404


# --- prompts and music ---


WORDS = PromptKey(PromptName("spoken.words"), Language.MANDARIN)


async def test_new_words_are_heard_by_the_next_caller_and_no_other_prompt_is_made_anew(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        voice = site.centre.context.prompts
        former = voice.by_key
        site.change('cmn = "旧"', 'cmn = "新"', "ivr/spoken.toml")
        await site.applied()
        voice = site.centre.context.prompts
        assert {key for key, clip in voice.by_key.items() if former[key] != clip} == {WORDS}
        caller = site.centre.caller("13800000001")
        caller.call("95510")
        await site.centre.pass_time(0.3)
        leg = site.centre.live().caller
        assert leg is not None
        assert list(site.centre.engine.streams[leg.stream].heard) == list(voice.clips([WORDS]))
        await site.centre.pass_time(1)


async def test_flow_that_is_gone_is_walked_to_its_end_by_who_is_in_it(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        (site.files / "ivr" / "spoken.toml").write_text(
            SPOKEN_FLOW.replace('next = "end"', 'next = "more"')
            + '[nodes.more]\ntype = "play"\nprompts = ["more"]\nnext = "end"\n[prompts.more]\ncmn = "再"\n',
            "utf-8",
        )
        await site.applied()
        caller = centre.caller("13800000001")
        caller.call("95510")
        await centre.pass_time(0.3)
        (site.files / "ivr" / "spoken.toml").unlink()
        site.change('95510 = { flow = "spoken" }\n', "")
        await site.applied()
        await centre.pass_time(2)
        assert centre.cdr().outcome is Outcome.SELF_SERVED
        assert centre.context.rules.flows.keys() == {"service"}


async def test_music_comes_and_goes_with_its_key(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        context, clips = site.centre.context, site.centre.engine.clips
        everywhere = context.prompts.music()
        before = len(clips)
        site.change("[queues.sales]", '[queues.sales]\nmusic = "sales.wav"')
        await site.applied()
        own = context.prompts.music(SALES)
        assert own != everywhere
        assert context.prompts.music(SERVICE) == everywhere
        site.change('music = "sales.wav"', 'music = "other.wav"')
        await site.applied()
        assert context.prompts.music(SALES) not in (own, everywhere)
        site.change('music = "other.wav"', "")
        await site.applied()
        assert context.prompts.music(SALES) == everywhere
        assert len(clips) == before


MORE = '[nodes.more]\ntype = "play"\nprompts = ["more"]\nnext = "end"\n[prompts.more]\ncmn = "再"\n'


async def test_call_in_a_flow_hears_the_words_that_there_were_when_it_came(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre, file = site.centre, "ivr/spoken.toml"
        site.change('next = "end"', 'next = "more"', file)
        (site.files / file).write_text((site.files / file).read_text("utf-8") + MORE, "utf-8")
        await site.applied()
        more = PromptKey(PromptName("spoken.more"), Language.MANDARIN)
        (words,), (second,) = centre.context.prompts.clips([WORDS]), centre.context.prompts.clips([more])
        caller = centre.caller("13800000001")
        caller.call("95510")
        await centre.pass_time(0.3)
        leg = centre.live().caller
        assert leg is not None
        site.change('cmn = "再"', 'cmn = "另"', file)
        await site.applied()
        await site.applied()
        await centre.pass_time(0.5)
        assert list(centre.engine.streams[leg.stream].heard) == [words, second]
        assert second in centre.engine.clips
        await centre.pass_time(2)
        assert second not in centre.engine.clips  # with the last call that could hear it


# --- queues, their work and their hours ---


async def test_queue_that_is_removed_serves_who_waits_in_it_and_nobody_else(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        caller = centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        site.change("[queues.service]", "[queues.care]")
        site.change('queue = "service"', 'queue = "care"', "ivr/service.toml")
        report = await site.applied()
        assert "queue service goes away: callers who wait in it (1) are served as before" in report.warnings
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        assert agent.rings
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await centre.pass_time(1)
        assert (centre.cdr().queue, centre.cdr().outcome) == ("service", Outcome.ANSWERED)


async def test_work_of_a_removed_queue_waits_with_an_alarm_until_the_queue_is_back(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        centre.exchange()
        item = centre.operations.request_callback(callback(centre, SALES))
        await centre.pass_time(5)
        assert (known := centre.context.callback_scheduler.item(item.id)) is not None
        assert known.state is WorkState.QUEUED
        site.change("[queues.sales]", "[queues.other]")
        warning = "queue sales goes away: callbacks and messages for it (1) wait until it is back or staff end them"
        assert warning in (await site.reload(is_dry_run=True)).warnings
        assert site.alarms() == []
        assert warning in (await site.applied()).warnings
        name, is_raised, detail = site.alarms()[-1]
        assert (name, is_raised) == ("work_without_queue", True)
        assert "sales (1)" in detail
        await centre.pass_time(3_600)
        (waiting,) = centre.context.callback_scheduler.open_items()
        assert waiting.state is WorkState.WAITING
        calls = len(centre.cdrs())
        await centre.pass_time(3_600)
        assert len(centre.cdrs()) == calls  # it is not tried again and again
        site.change("[queues.other]", "[queues.sales]")
        await site.applied()
        assert site.alarms()[-1][:2] == ("work_without_queue", False)
        await centre.pass_time(1)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        assert agent.rings
        centre.operations.end_work(item.id, WorkState.DONE, "staff")
        await centre.pass_time(1)


async def test_work_asked_for_a_queue_that_went_away_meanwhile_waits_too(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        site.change("[queues.sales]", "[queues.other]")
        await site.applied()
        centre.context.callback_scheduler.request_or_alarm(callback(centre, SALES))
        await centre.pass_time(600)
        (item,) = centre.context.callback_scheduler.open_items()
        assert item.state is WorkState.WAITING
        assert centre.cdrs() == []
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
        centre.context.hours.look()
        await centre.pass_time(1)


async def test_hours_are_reported_at_once(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change("[queues.sales]", '[queues.sales]\ncalendar = "shop"')
        await site.applied()  # Monday, 8 o'clock
        assert is_open(site, SALES) is False
        site.change("09:00", "07:00", "calendars.toml")
        await site.applied()
        assert is_open(site, SALES) is True
        told = [event.data for event in site.centre.event_stream._history]
        assert [hours.state for hours in site.centre.context.hours.live() if hours.calendar == "shop"] == ["open"]
        assert [(data.calendar, data.state) for data in told if isinstance(data, LiveHours)] == [("shop", "open")]


async def test_closed_queue_that_goes_and_comes_back_is_closed_again(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        site.change("[queues.sales]", '[queues.sales]\ncalendar = "shop"')
        await site.applied()
        site.change("[queues.sales]", "[queues.other]")
        await site.applied()
        site.change("[queues.other]", "[queues.sales]")
        await site.applied()
        assert is_open(site, SALES) is False
        await site.centre.pass_time(3_601)
        assert is_open(site, SALES) is True


async def test_keys_and_survey_of_a_call_are_those_that_it_came_under(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        site.change("wrap_up_s = 10", 'wrap_up_s = 10\nsurvey = "spoken"\nkeys = { 5 = "spoken" }')
        await site.applied()
        agent, caller, waiting = await centre.seat("1001"), centre.caller("13800000001"), centre.caller("13800000002")
        await centre.talk(agent, caller)
        centre.command("1001", AgentCommand.NOT_READY)
        site.change('survey = "spoken"\nkeys = { 5 = "spoken" }', 'keys = { 6 = "spoken" }')
        await site.applied()
        agent.hang_up()
        await centre.pass_time(0.3)
        assert caller.is_up  # hears the survey
        await centre.pass_time(2)
        assert not caller.is_up
        site.change("keys = { 6", "keys = { 5")
        await site.applied()
        waiting.call(SERVICE_LINE)
        await centre.pass_time(2)
        site.change("keys = { 5", "keys = { 6")
        await site.applied()
        centre.press("6")
        await centre.pass_time(2)
        assert "stepped_aside" not in words_of(centre.call_history(1))
        centre.press("5")
        await centre.pass_time(2)
        assert "stepped_aside" in words_of(centre.call_history(1))
        assert not waiting.is_up


async def test_survey_of_a_queue_that_is_removed_is_heard_by_who_was_served_there(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        site.change("wrap_up_s = 10", 'wrap_up_s = 10\nsurvey = "spoken"')
        await site.applied()
        agent, caller = await centre.seat("1001"), centre.caller("13800000001")
        await centre.talk(agent, caller)
        site.change("[queues.service]", "[queues.care]")
        site.change('queue = "service"', 'queue = "care"', "ivr/service.toml")
        await site.applied()
        agent.hang_up()
        await centre.pass_time(0.3)
        assert caller.is_up
        await centre.pass_time(2)
        assert not caller.is_up


MENU_FLOW = """
languages = ["cmn"]
start = "say"
[nodes.say]
type = "play"
prompts = ["words"]
next = "queue"
[nodes.queue]
type = "queue"
queue = "service"
[prompts.words]
cmn = "请稍候"
"""


MENU_WAITS_S = 60
"""Longer than any number of reloads takes, whose files are read while virtual time goes on."""
SLOW_FLOW = MENU_FLOW.replace(
    'type = "play"\nprompts = ["words"]\nnext = "queue"',
    f'type = "menu"\nprompts = ["words"]\nkeys = {{ 1 = "queue" }}\nretries = 0\ntimeout_s = {MENU_WAITS_S}\n'
    'on_timeout = "queue"\non_invalid = "queue"',
)


async def test_call_in_a_flow_comes_to_the_queue_that_a_reload_removes_meanwhile(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        (site.files / "ivr" / "service.toml").write_text(MENU_FLOW, "utf-8")
        await site.applied()
        agent, caller = await centre.seat("1001"), centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.2)
        site.change("[queues.service]", "[queues.care]")
        site.change('queue = "service"', 'queue = "care"', "ivr/service.toml")
        await site.applied()
        await centre.pass_time(2)
        assert caller.is_up
        assert agent.rings
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await centre.pass_time(1)
        assert (centre.cdr().queue, centre.cdr().outcome) == ("service", Outcome.ANSWERED)


async def test_call_in_a_flow_overflows_by_the_rules_that_it_came_under(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        (site.files / "ivr" / "service.toml").write_text(MENU_FLOW, "utf-8")
        await site.applied()
        caller = centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.2)
        (site.files / "ivr" / "later.toml").write_text(SPOKEN_FLOW, "utf-8")
        site.change("ring_for_s = 15", 'ring_for_s = 15\nmax_wait_s = 5\noverflow.wait = { flow = "later" }')
        await site.applied()
        await centre.pass_time(10)
        assert caller.is_up
        assert "overflowed" not in words_of(centre.call_history())
        caller.hang_up()
        await centre.pass_time(1)


async def test_call_of_long_ago_goes_by_the_settings_of_now_when_it_comes_to_its_queue(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        (site.files / "ivr" / "service.toml").write_text(SLOW_FLOW, "utf-8")
        await site.applied()
        caller = centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.2)
        (site.files / "ivr" / "later.toml").write_text(SPOKEN_FLOW, "utf-8")
        site.change("ring_for_s = 15", 'ring_for_s = 15\nmax_wait_s = 5\noverflow.wait = { flow = "later" }')
        for _ in range(MAX_FORMER_EDITIONS + 1):
            await site.applied()
        await centre.pass_time(MENU_WAITS_S + 10)
        assert "overflowed" in words_of(centre.call_history())
        assert centre.cdr().outcome is Outcome.OVERFLOWED


async def test_call_that_staff_send_on_goes_by_the_settings_of_now(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        agent, caller = await centre.seat("1001"), centre.caller("13800000001")
        await centre.talk(agent, caller)
        (site.files / "ivr" / "later.toml").write_text(SPOKEN_FLOW, "utf-8")
        site.append('[queues.later]\nmax_wait_s = 5\noverflow.wait = { flow = "later" }\n')
        await site.applied()
        centre.operations.requeue(centre.live().id, QueueName("later"), "staff")
        centre.command("1001", AgentCommand.NOT_READY)
        await centre.pass_time(6)
        assert "overflowed" in words_of(centre.call_history())
        await centre.pass_time(2)
        assert not caller.is_up


# --- trunks ---

OUT_FLOW = MENU_FLOW.replace('type = "queue"\nqueue = "service"', 'type = "external_number"\nnumber = "02155500"')


async def test_trunk_that_may_no_longer_dial_out_is_dialled_by_no_call_of_before_either(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        exchange = centre.exchange()
        (site.files / "ivr" / "service.toml").write_text(OUT_FLOW, "utf-8")
        await site.applied()
        caller = centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.2)
        (site.files / "ivr" / "service.toml").write_text(SERVICE_FLOW, "utf-8")
        site.change("may_dial_out = true", "may_dial_out = false")
        await site.applied()
        await centre.pass_time(3)
        assert not exchange.rings
        assert centre.cdr().outcome is Outcome.UNANSWERED


async def test_other_pauses_between_attempts_hold_at_once(tmp_path: Path) -> None:
    async with at_site(tmp_path) as site:
        centre = site.centre
        item = centre.operations.request_callback(callback(centre, SALES))
        await centre.pass_time(100)
        site.append("[callbacks]\nexpire_after_s = 60\n")
        await site.applied()
        await centre.pass_time(1)
        assert centre.context.callback_scheduler.item(item.id) is None
        rows = centre.history.work_rows[item.id]
        assert rows[max(rows)].item.state is WorkState.GIVEN_UP
        await centre.pass_time(1)


def words_of(story: list[str]) -> list[str]:
    """The kinds of a call's events."""
    return [line.split()[1] for line in story]


def is_open(site: Site, queue: QueueName) -> bool:
    """The inputs of the dispatcher."""
    return {view.queue: view.is_open for view in site.centre.context.acd.queues()}[queue]
