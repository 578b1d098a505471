"""Notices: an e-mail about each new message and each callback that was given up, sent beside the calls.

Rules:
- No call waits for a mail. Mails wait in a bounded list; mails that do not fit are counted, with an alarm.
- A mail server that cannot be reached, or refuses every mail, is tried again after growing pauses, the oldest mail
  first. One alarm is raised when that begins, and ends when a mail was sent. A single refused mail is dropped, with an
  alarm.
- Mails that a stop of the daemon cuts off are not sent later: the work items are kept in the callback queue.
- The password goes to the mail server and nowhere else, and only over TLS unless the server is on this machine.
"""

import asyncio
import wave
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

import aiosmtplib
import structlog

from acdcore.calls.model.events import WorkItemChanged
from acdcore.calls.record.event_log import CallEventLog
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.background import end_task
from acdcore.kernel.bus import EventBus
from acdcore.kernel.setting_types import HostAndPort, MailAddress, OptionalMailAddress
from acdcore.work.model import WorkItem, WorkKind, WorkState

MAIL = AlarmKind("mail", Severity.MINOR, "Look at [notices] smtp, user and password, and whether the server answers.")
"""Mails cannot be sent."""
MAIL_REFUSED = AlarmKind(
    "mail_refused", Severity.MINOR, "Look at the addresses in [notices] to, and at what the server says.", 3_600.0
)
"""Mails were dropped."""
UNSENT_MAX = 1_000
"""Mails that may wait: a day of messages. After more than that the list of work items is the better source."""
TIMEOUT_S = 20.0
"""Seconds for one mail with its connection: servers with a spam check take seconds."""
FINISH_S = 3.0
"""Seconds for which a stop waits for mails that are still to be sent."""
IMPLICIT_TLS_PORT = 465
"""The port with TLS from the first byte (RFC 8314 section 3.3); on others STARTTLS is used."""
LINE_CHARS_MAX = 200
"""Characters; longer texts of callers, flows and servers are cut."""
PERMANENT = 500
"""SMTP replies from this one on mean that the mail is refused for good (RFC 5321 section 4.2.1)."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The section `[notices]`: where notices go, and how."""

    smtp: HostAndPort = ""
    """The mail server; empty: no mail."""
    sender: OptionalMailAddress = ""
    """The address that mails come from."""
    to: tuple[MailAddress, ...] = ()
    """Who gets them; empty: nothing is sent or kept."""
    user: str = ""
    """User name for the server; empty: none."""
    password: str = field(default="", repr=False)
    """Belongs to `user`."""

    def __post_init__(self) -> None:
        """Raises ValueError for notices that could not be sent."""
        if self.to and not (self.smtp and self.sender):
            raise ValueError('to needs smtp = "host:port" and sender = "address"')
        if self.smtp and not 0 < self.port <= 65535:
            raise ValueError("smtp names a port above 65535, or 0")

    @property
    def host(self) -> str:
        """The mail server's name or address."""
        return self.smtp.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The mail server's port; 0 without a server."""
        return int(self.smtp.rpartition(":")[2] or 0)


@dataclass(frozen=True, slots=True)
class MailTiming:
    """Times in mails and around them."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Time zone of the times in mails."""
    retry_after_s: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0)
    """Pauses after the first, second, ... attempt that failed; the last one is repeated."""
    filed_after_s: float = 1.0
    """Age in seconds at which a message's file is surely complete, so that the mail can name its length."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about a work item."""

    item: WorkItem
    heard_at: float = 0.0
    """When the change came, seconds of the event loop."""
    length_s: float | None = None
    """Length of the message, seconds; None when its file cannot be read."""


def is_worth_a_notice(item: WorkItem) -> bool:
    """Whether a mail is sent for this change of an item: a new message, or an item that was given up."""
    is_new = item.state is WorkState.WAITING and item.changes <= 1
    return item.state is WorkState.GIVEN_UP or (item.kind is WorkKind.VOICEMAIL and is_new)


def mail(notice: Notice, settings: MailSettings, zone: ZoneInfo) -> EmailMessage:
    """The mail, in plain text; the same one each time, so that a copy sent twice can be known by its Message-ID."""
    item = notice.item
    what = "Message" if item.kind is WorkKind.VOICEMAIL else "Callback"
    fate = "given up" if item.state is WorkState.GIVEN_UP else "new"
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = f"{what} {fate}: {single_line(item.queue)}, {single_line(item.number) or 'no number'}"
    message["Date"] = format_datetime(item.changed_at or item.created_at)
    domain = parseaddr(settings.sender)[1].rpartition("@")[2] or "acdcore"
    message["Message-ID"] = f"<{item.id}.{item.changes}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: asks for no automatic answers
    message.set_content("".join(f"{name}: {value}\n" for name, value in notice_facts(notice, zone) if value))
    return message


def notice_facts(notice: Notice, zone: ZoneInfo) -> list[tuple[str, str]]:
    """The lines of the mail, as name and value; an unknown fact has an empty value."""
    item = notice.item
    is_message = item.kind is WorkKind.VOICEMAIL
    lines = [
        ("Work item", item.id),
        ("Queue", single_line(item.queue)),
        ("Number", single_line(item.number) or "not given"),
        ("Subject", single_line(item.subject)),
        ("Asked for", local(item.created_at, zone)),
        ("Reply wanted", ("yes" if item.is_reply_wanted else "no") if is_message else ""),
        ("Length", "" if notice.length_s is None else f"{notice.length_s:.0f} s"),
        ("Recording", item.recording),
        ("Call", item.call_id or ""),
    ]
    if item.state is WorkState.GIVEN_UP:
        last = item.last_attempt.value.replace("_", " ") if item.last_attempt else "nobody tried"
        lines += [("Attempts", str(item.attempts)), ("Last attempt", last)]
    return lines


def local(at: datetime, zone: ZoneInfo) -> str:
    """A time in the time zone of the settings."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key})"


def single_line(text: str) -> str:
    """Text of others as one line: callers' numbers and servers' replies may hold anything."""
    return "".join(char if char.isprintable() else " " for char in text)[:LINE_CHARS_MAX].strip()


class EmailNotices:
    """Sends the mails; one for the daemon. Without recipients nothing is kept or sent."""

    def __init__(
        self,
        settings: MailSettings,
        event_log: CallEventLog,
        bus: EventBus,
        recordings: Path,
        timing: MailTiming | None = None,
    ) -> None:
        """`recordings` is the directory of the recordings."""
        self._settings = settings
        self._timing = timing or MailTiming()
        self._event_log = event_log
        self._bus = bus
        self._recordings = recordings
        self._unsent: deque[Notice] = deque()
        self._wake = asyncio.Event()
        self._rests = asyncio.Event()
        """Set while there is nothing to send, or sending fails."""
        self._failures = 0
        """Failed attempts since the last mail was sent."""
        self._log = structlog.get_logger("mail")

    @property
    def unsent(self) -> int:
        """Mails that wait."""
        return len(self._unsent)

    def configure(self, settings: MailSettings) -> None:
        """Use other settings from now on, also for mails that wait; without recipients these are dropped."""
        if settings == self._settings:
            return
        self._settings = settings
        if not settings.to:
            self._unsent.clear()
        self._wake.set()

    def work_item_changed(self, event: WorkItemChanged) -> None:
        """Send a notice if this change is worth one."""
        item = event.item
        if not self._settings.to or not is_worth_a_notice(item):
            return
        if len(self._unsent) >= UNSENT_MAX:
            self._event_log.alarms.raise_alarm(
                MAIL_REFUSED, f"{UNSENT_MAX} mails wait already; none is sent about {item.id}"
            )
            return
        self._unsent.append(Notice(item, asyncio.get_running_loop().time()))
        if not self._failures:
            self._rests.clear()
            self._wake.set()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send in the background; at the end waiting mails get `FINISH_S` seconds."""
        task = asyncio.create_task(self._run(), name="notices")
        unsubscribe = self._bus.subscribe(WorkItemChanged, self.work_item_changed)
        try:
            yield
        finally:
            unsubscribe()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rests.wait(), FINISH_S)
            await end_task(task)
            if self._unsent:
                self._log.warning("notices not sent", count=len(self._unsent))

    async def _run(self) -> None:
        try:
            while True:
                if not self._unsent:
                    await self._rest(None)
                pause_s = await self._send_first()
                if pause_s:
                    await self._rest(pause_s)
        except Exception as error:
            self._rests.set()
            self._log.exception("notices stopped by a fault")
            self._event_log.alarms.raise_alarm(MAIL, f"no mail is sent until a restart: {type(error).__name__}")

    async def _rest(self, pause_s: float | None) -> None:
        """Wait until there is a mail to send; after a failure for the pause, which only new settings end early."""
        self._wake.clear()
        self._rests.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause_s)
        self._rests.clear()

    async def _send_first(self) -> float:
        """Send the oldest mail; returns seconds until the next attempt, 0 when it was sent or dropped."""
        settings = self._settings
        if not settings.to or not self._unsent:
            return 0.0
        notice = self._unsent[0]
        length_s = None
        if notice.item.recording:
            age_s = asyncio.get_running_loop().time() - notice.heard_at
            await asyncio.sleep(max(0.0, self._timing.filed_after_s - age_s))
            length_s = await asyncio.to_thread(recorded_s, self._recordings / notice.item.recording)
        try:
            refused, _ = await send(mail(replace(notice, length_s=length_s), settings, self._timing.zone), settings)
        except aiosmtplib.SMTPException as error:
            if not is_about_the_mail(error):
                return self._failed(settings, error)
            self._drop(notice, error_text(error, settings))
            return 0.0
        except (OSError, ValueError) as error:
            return self._failed(settings, error)
        self._sent(notice)
        for address, response in refused.items():
            self._event_log.alarms.raise_alarm(
                MAIL_REFUSED, f"{address}: {response.code} {single_line(response.message)}"
            )
        return 0.0

    def _sent(self, notice: Notice) -> None:
        self._forget(notice)
        if self._failures:
            self._failures = 0
            self._event_log.alarms.clear(MAIL, "mails are sent again")

    def _drop(self, notice: Notice, reason: str) -> None:
        self._forget(notice)
        self._log.warning("notice refused", work=notice.item.id, reason=reason)
        self._event_log.alarms.raise_alarm(MAIL_REFUSED, f"no mail about {notice.item.id}: {reason}")

    def _forget(self, notice: Notice) -> None:
        if self._unsent and self._unsent[0] is notice:  # other settings may have dropped it meanwhile
            self._unsent.popleft()

    def _failed(self, settings: MailSettings, error: Exception) -> float:
        reason = error_text(error, settings)
        self._log.warning("no mail sent", server=settings.host, waiting=len(self._unsent), reason=reason)
        if not self._failures:
            self._event_log.alarms.raise_alarm(MAIL, f"no mail can be sent by {settings.host}: {reason}")
        pauses = self._timing.retry_after_s
        self._failures += 1
        return pauses[min(self._failures, len(pauses)) - 1]


async def send(message: EmailMessage, settings: MailSettings) -> tuple[dict[str, aiosmtplib.SMTPResponse], str]:
    """One mail over a connection of its own; raises what `aiosmtplib.send` raises, within `TIMEOUT_S`."""
    is_implicit = settings.port == IMPLICIT_TLS_PORT
    must_start_tls = bool(settings.user) and not is_here(settings.host)
    async with asyncio.timeout(TIMEOUT_S):
        return await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password or None,
            use_tls=is_implicit,
            start_tls=False if is_implicit else (True if must_start_tls else None),
            timeout=TIMEOUT_S,
        )


def is_here(host: str) -> bool:
    """Whether the server is on this machine, where no network lies between."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def is_about_the_mail(error: aiosmtplib.SMTPException) -> bool:
    """Whether this mail is refused for good; otherwise the server or the addresses in our settings are at fault."""
    return isinstance(error, aiosmtplib.SMTPDataError) and error.code >= PERMANENT


def error_text(error: Exception, settings: MailSettings) -> str:
    """The error in one line without secrets: servers may repeat what we sent."""
    text = single_line(f"{type(error).__name__}: {error}")
    return text.replace(settings.password, "***") if settings.password else text


def recorded_s(file: Path) -> float | None:
    """Length of a message, seconds; None when its file is missing or not complete."""
    try:
        with wave.open(str(file)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (OSError, EOFError, wave.Error):
        return None
