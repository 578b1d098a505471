"""Notices against a real mail server on this machine: who is told what, and what happens when nobody takes the mail."""

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError
from structlog.testing import capture_logs
from tests.fakes.memory_storage import MemoryHistory
from tests.fakes.strict_bus import strict_bus

from acdcore.calls.model.events import WorkItemChanged
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.event_stream import AlarmChange, CallEventStream, StreamEventKind, Subscription
from acdcore.calls.services import email_notices as notices
from acdcore.calls.services.email_notices import (
    MAIL,
    MAIL_REFUSED,
    EmailNotices,
    MailSettings,
    MailTiming,
    Notice,
    is_worth_a_notice,
    mail,
    notice_facts,
)
from acdcore.configuration.settings import SCHEMA
from acdcore.kernel.alarms import AlarmKind
from acdcore.kernel.ids import CallId, QueueName
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.work.model import AttemptOutcome, WorkId, WorkItem, WorkKind, WorkState

ASKED_AT = datetime(2026, 3, 2, 8, 0, 5, tzinfo=UTC)
MESSAGE = WorkItem(
    WorkId("W20260302T080005000-000001"),
    WorkKind.VOICEMAIL,
    QueueName("service"),
    "13900000009",
    ASKED_AT,
    call_id=CallId("20260302T080000000-000001"),
    subject="invoice",
    recording="2026/03/02/message.wav",
    changed_at=ASKED_AT,
    changes=1,
)
CALLBACK = replace(MESSAGE, kind=WorkKind.CALLBACK, recording="", subject="")
GIVEN_UP = replace(CALLBACK, state=WorkState.GIVEN_UP, attempts=3, last_attempt=AttemptOutcome.NO_ANSWER, changes=9)
SETTINGS = MailSettings("127.0.0.1:25", "acd@example.org", ("desk@example.org", "boss@example.org"))
TIMING = MailTiming(retry_after_s=(0.1, 60.0), filed_after_s=0.1)
PASSWORD = "correct horse"
UNENCRYPTED = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
"""The test's own mail server asks for a password over loopback."""
WITHIN_S = 5.0
"""Everything here happens within a second; a test that fails ends after so long."""


class Clock:
    """Time stands still: nothing here depends on it."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return ASKED_AT


@dataclass
class PostOffice:
    """A mail server's word on each mail, and the mails that it took."""

    data_replies: list[str] = field(default_factory=list)
    """For the first mails; "250" for all others."""
    refused_to: str = ""
    """An address that nobody has."""
    mails: list[EmailMessage] = field(default_factory=list)
    tried: int = 0
    has_come: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refused_to:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried += 1
        self.has_come.set()
        if self.data_replies:
            reply = self.data_replies.pop(0)
            if not reply.startswith("250"):
                return reply
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 ok"


@dataclass(frozen=True)
class NoticesAtWork:
    """Everything around the notices of one test."""

    notices: EmailNotices
    office: PostOffice
    settings: MailSettings
    heard: Subscription

    async def until(self, mails: int) -> None:
        """Wait until so many mails have come."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.office.mails) < mails:
                self.office.has_come.clear()
                await self.office.has_come.wait()
                await asyncio.sleep(0)

    async def alarm(self, kind: AlarmKind, *, is_raised: bool = True) -> AlarmChange:
        """The next alarm; it must be this one."""
        async with asyncio.timeout(WITHIN_S):
            async for event in self.heard:
                if event.kind is StreamEventKind.ALARM:
                    assert isinstance(event.data, AlarmChange)
                    assert (event.data.name, event.data.is_raised) == (kind.name, is_raised), event.data
                    return event.data
        raise AssertionError("the event stream ended")


@asynccontextmanager
async def listening(office: PostOffice, port: int = 0, password: str = "") -> AsyncIterator[int]:
    """A mail server on loopback; its port."""

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=given.password == password.encode(), handled=False)

    def session() -> SMTP:
        return SMTP(
            office,
            hostname="test",
            loop=asyncio.get_running_loop(),
            authenticator=authenticate if password else None,
            auth_require_tls=False,
            auth_required=bool(password),
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def notices_to(
    tmp_path: Path, office: PostOffice, port: int, settings: MailSettings = SETTINGS, timing: MailTiming = TIMING
) -> AsyncIterator[NoticesAtWork]:
    """Notices that send to that port."""
    directory = MemoryDirectory()
    event_stream = CallEventStream(ASKED_AT)
    bus = strict_bus()
    event_log = CallEventLog(Clock(), MemoryHistory(directory), event_stream, directory, bus)
    settings = replace(settings, smtp=f"{settings.host}:{port}")
    sent = EmailNotices(settings, event_log, bus, tmp_path, timing)
    with event_stream.subscribe(2_000) as heard:
        async with sent.sending():
            yield NoticesAtWork(sent, office, settings, heard)
    assert WorkItemChanged not in bus.kinds(), "nothing is heard after the end"


async def test_new_message_is_told_to_everybody_with_all_that_is_known(tmp_path: Path) -> None:
    office = PostOffice()
    file = tmp_path / MESSAGE.recording
    file.parent.mkdir(parents=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(4 * 8000 * 7))
    async with (
        listening(office) as port,
        notices_to(tmp_path, office, port, timing=replace(TIMING, zone=ZoneInfo("Asia/Tokyo"))) as it,
    ):
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        await it.until(1)
    (message,) = office.mails
    assert message["Subject"] == "Message new: service, 13900000009"
    assert message["To"] == "desk@example.org, boss@example.org"
    assert message["Message-ID"] == "<W20260302T080005000-000001.1@example.org>"
    assert message.get_content().splitlines() == [
        "Work item: W20260302T080005000-000001",
        "Queue: service",
        "Number: 13900000009",
        "Subject: invoice",
        "Asked for: 2026-03-02 17:00:05 (Asia/Tokyo)",
        "Reply wanted: yes",
        "Length: 7 s",
        "Recording: 2026/03/02/message.wav",
        "Call: 20260302T080000000-000001",
    ]


def test_callback_that_was_given_up_tells_the_attempts() -> None:
    told = mail(Notice(GIVEN_UP), SETTINGS, TIMING.zone)
    assert told["Subject"] == "Callback given up: service, 13900000009"
    assert told.get_content().splitlines()[-2:] == ["Attempts: 3", "Last attempt: no answer"]


def test_only_new_messages_and_what_was_given_up_are_told() -> None:
    told = {
        (kind, state, changes)
        for kind in WorkKind
        for state in WorkState
        for changes in (1, 2)
        if is_worth_a_notice(replace(MESSAGE, kind=kind, state=state, changes=changes))
    }
    given_up = {(kind, WorkState.GIVEN_UP, changes) for kind in WorkKind for changes in (1, 2)}
    assert told == given_up | {(WorkKind.VOICEMAIL, WorkState.WAITING, 1)}


def test_number_with_line_breaks_adds_no_header_and_no_line() -> None:
    odd = replace(MESSAGE, number="1\r\nBcc: all@example.org", subject="a\nQueue: other")
    told = mail(Notice(odd), SETTINGS, TIMING.zone)
    assert told["Bcc"] is None
    assert ("Subject", "a Queue: other") in notice_facts(Notice(odd), TIMING.zone)
    assert told.get_content().count("\nQueue: ") == 1


def test_chinese_words_arrive_as_they_are() -> None:
    told = mail(Notice(replace(MESSAGE, queue=QueueName("客服"), subject="发票")), SETTINGS, TIMING.zone)
    again = message_from_bytes(told.as_bytes(), policy=policy.default)
    assert again["Subject"] == "Message new: 客服, 13900000009"
    assert "Subject: 发票" in again.get_content()


async def test_work_that_the_chronicle_writes_down_is_heard(tmp_path: Path) -> None:
    office = PostOffice()
    async with listening(office) as port, notices_to(tmp_path, office, port) as it:
        it.notices._event_log.work(CALLBACK)  # asked for: nothing to tell
        it.notices._event_log.work(GIVEN_UP)
        await it.until(1)
    assert [sent["Subject"] for sent in office.mails] == ["Callback given up: service, 13900000009"]


async def test_server_that_is_away_is_tried_again_and_told_by_one_alarm(tmp_path: Path) -> None:
    office = PostOffice()
    async with listening(office) as port:
        pass  # nobody listens at this port any more
    async with notices_to(tmp_path, office, port) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        assert "no mail can be sent by 127.0.0.1: SMTPConnect" in (await it.alarm(MAIL)).detail
        async with listening(office, port):
            await it.until(1)
            await it.alarm(MAIL, is_raised=False)
    assert len(office.mails) == 1


async def test_mail_that_is_put_off_is_sent_later_and_keeps_its_place(tmp_path: Path) -> None:
    office = PostOffice(data_replies=["451 later"])
    async with listening(office) as port, notices_to(tmp_path, office, port) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        it.notices.work_item_changed(WorkItemChanged(GIVEN_UP))
        await it.until(2)
        await it.alarm(MAIL)
        await it.alarm(MAIL, is_raised=False)
    assert [sent["Subject"].split(":")[0] for sent in office.mails] == ["Message new", "Callback given up"]
    assert office.tried == 3


async def test_mail_that_will_never_be_taken_is_dropped_and_the_next_one_goes_out(tmp_path: Path) -> None:
    office = PostOffice(data_replies=["554 looks like spam"])
    async with listening(office) as port, notices_to(tmp_path, office, port) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        it.notices.work_item_changed(WorkItemChanged(GIVEN_UP))
        await it.until(1)
        assert "looks like spam" in (await it.alarm(MAIL_REFUSED)).detail
    assert [sent["Subject"].split(":")[0] for sent in office.mails] == ["Callback given up"]


async def test_one_address_that_nobody_has_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    office = PostOffice(refused_to="boss@example.org")
    async with listening(office) as port, notices_to(tmp_path, office, port) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        await it.until(1)
        assert "boss@example.org: 550" in (await it.alarm(MAIL_REFUSED)).detail
        assert it.notices.unsent == 0


@UNENCRYPTED
async def test_password_is_used_and_never_told(tmp_path: Path) -> None:
    office = PostOffice()
    proven = replace(SETTINGS, user="acd", password=PASSWORD)
    assert PASSWORD not in repr(proven)
    with capture_logs() as logs:
        async with listening(office, password=PASSWORD) as port, notices_to(tmp_path, office, port, proven) as it:
            it.notices.work_item_changed(WorkItemChanged(MESSAGE))
            await it.until(1)
        async with listening(office, password="another") as port, notices_to(tmp_path, office, port, proven) as it:
            it.notices.work_item_changed(WorkItemChanged(MESSAGE))
            assert "Authentication" in (await it.alarm(MAIL)).detail
            assert it.notices.unsent == 1  # kept: the operator mends the password, and reloads
    assert PASSWORD not in str(logs)
    assert [entry["event"] for entry in logs] == ["no mail sent", "notices not sent"]


def test_password_that_a_server_repeats_is_covered() -> None:
    error = ValueError(f"no user with {PASSWORD}")
    assert notices.error_text(error, replace(SETTINGS, password=PASSWORD)) == "ValueError: no user with ***"


@UNENCRYPTED
async def test_password_is_not_sent_in_the_clear_to_another_machine(tmp_path: Path) -> None:
    office = PostOffice()
    proven = replace(
        SETTINGS, smtp="127.1:25", user="acd", password=PASSWORD
    )  # loopback, but not by a name that says so
    async with listening(office, password=PASSWORD) as port, notices_to(tmp_path, office, port, proven) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        assert "STARTTLS" in (await it.alarm(MAIL)).detail
    assert office.mails == []


async def test_other_settings_end_the_pause_and_serve_what_waits(tmp_path: Path) -> None:
    office = PostOffice()
    async with listening(office) as port:
        pass
    async with notices_to(tmp_path, office, port, timing=replace(TIMING, retry_after_s=(60.0,))) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        await it.alarm(MAIL)
        async with listening(office) as elsewhere:
            it.notices.configure(replace(it.settings, smtp=f"127.0.0.1:{elsewhere}", to=("new@example.org",)))
            await it.until(1)
    assert office.mails[0]["To"] == "new@example.org"


async def test_nothing_is_kept_when_nobody_is_to_be_told(tmp_path: Path) -> None:
    async with notices_to(tmp_path, PostOffice(), 1) as it:
        it.notices.configure(MailSettings())
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        assert it.notices.unsent == 0


async def test_more_than_anybody_reads_is_told_by_alarm_rather_than_kept(tmp_path: Path) -> None:
    async with notices_to(tmp_path, PostOffice(), 1) as it:
        for _ in range(notices.UNSENT_MAX):
            it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        it.notices.work_item_changed(WorkItemChanged(GIVEN_UP))
        assert it.notices.unsent == notices.UNSENT_MAX
        assert "1000 mails wait" in (await it.alarm(MAIL_REFUSED)).detail


async def test_stop_lets_the_last_mail_go_out_and_waits_for_no_dead_server(tmp_path: Path) -> None:
    office = PostOffice()
    async with listening(office) as port:
        async with notices_to(tmp_path, office, port) as it:
            it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        assert len(office.mails) == 1
    began = asyncio.get_running_loop().time()
    async with notices_to(tmp_path, office, port) as it:
        it.notices.work_item_changed(WorkItemChanged(MESSAGE))
        await it.alarm(MAIL)
        it.notices.configure(replace(it.settings, to=("new@example.org",)))
    assert asyncio.get_running_loop().time() - began < notices.FINISH_S + 2


NOTICES = {"smtp": "mail.example.org:587", "sender": "acd@example.org", "to": ["desk@example.org"]}


def test_settings_of_the_operator_say_where_mails_go() -> None:
    made = SCHEMA.validate_python({"notices": {**NOTICES, "user": "acd", "password": PASSWORD}}).notices
    assert made == MailSettings("mail.example.org:587", "acd@example.org", ("desk@example.org",), "acd", PASSWORD)
    assert (made.host, made.port) == ("mail.example.org", 587)


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp": ""},
        {"smtp": "mail.example.org"},
        {"smtp": "mail.example.org:70000"},
        {"smtp": "mail.example.org:0"},
        {"sender": ""},
        {"sender": "acd"},
        {"sender": "acd@example.org\r\nBcc: x@example.org"},
        {"to": ["desk"]},
        {"to": ["a@example.org, b@example.org"]},
    ],
)
def test_settings_that_no_mail_could_be_sent_by_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SCHEMA.validate_python({"notices": {**NOTICES, **wrong}})
