"""The scripted phone: registers, dials, answers, plays, records, presses keys, holds; for demo, tests and benchmarks.

One `Phone` is one SIP user agent on a socket of its own. It may register several users and have many calls at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from acdcore.kernel.address import Address
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.ids import IdSource
from acdcore.media.model import EngineCodec
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia, MediaDirection, Negotiated
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    InviteArrived,
    InviteCancelled,
    ModifyAnswered,
    OutgoingInvite,
    OutgoingRequest,
    RequestFinished,
    RequestId,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionProgress,
    SessionRefused,
    SipEvent,
    SipFlow,
    Transport,
)
from acdcore.sip.ladder import Observer
from acdcore.sip.session.own_headers import EndpointSettings
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.sip.syntax.headers import NameAddr, quoted
from acdcore.sip.syntax.message import Response
from acdcore.sip.syntax.uri import SipUri
from bench.sound import Sound

CODECS = (Codec.PCMA, Codec.PCMU)
REGISTER_FOR_S = 300


class Dialled(Exception):
    """A call was not answered."""

    def __init__(self, status: int, reason: str, response: Response | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.headers = dict(response.headers) if response is not None else {}
        """Headers of the refusal, such as Contact and Retry-After."""


class Media(Protocol):
    """The audio behind a call's RTP port."""

    @property
    def port(self) -> int:
        """The local RTP port."""
        ...

    def connect(self, remote: Address, codec: EngineCodec, payload_type: int, dtmf_payload_type: int | None) -> None:
        """Send there from now on."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """How a phone is connected."""

    server: Address
    """Where the switch listens."""
    host: str = "127.0.0.1"
    """The phone's own address."""
    port: int = 0
    """Where it listens; 0 for any free port."""
    transport: Transport = Transport.UDP
    """How it speaks SIP."""
    codecs: tuple[Codec, ...] = CODECS
    """What it offers, best first."""
    user_agent: str = "acdcore phone"
    """What it calls itself, as User-Agent and Server."""
    display: str = ""
    """Its display name in From and Contact; empty for none."""


class PhoneCall:
    """One call of a phone. `media` is a `Sound` unless the phone was made with something else."""

    def __init__(self, phone: "Phone", media: Media, user: str) -> None:
        self.phone = phone
        self.media = media
        self.user = user
        """The phone's user that is calling or called."""
        self.session: SessionId | None = None
        self.negotiated: Negotiated | None = None
        self.ringing = asyncio.Event()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.end_cause = ""
        self.headers: dict[str, str] = {}
        """Of the INVITE that came, for what the switch tells the phone."""
        self.caller = ""
        self.described = b""
        self.local = LocalMedia(
            Address(phone.settings.host, media.port), phone.settings.codecs, session_id=phone.ids.number(2**62)
        )
        self._modified: asyncio.Future[int] | None = None

    @property
    def sound(self) -> Sound:
        """The call's audio."""
        if not isinstance(self.media, Sound):
            raise TypeError("this phone was made without sound")
        return self.media

    # --- being called ---

    def ring(self) -> None:
        """180."""
        if self.session is not None:
            self.phone.stack.progress(self.session, 180)

    def answer(self) -> None:
        """200; audio flows."""
        if self.session is None:
            return
        self.phone.stack.answer(self.session, self.described)
        self.connect()

    def refuse(self, status: int = 486) -> None:
        """Decline the call that rings."""
        if self.session is not None:
            self.phone.stack.refuse(self.session, status)
            self.finish("refused by us")

    # --- talking ---

    async def hold(self) -> int:
        """Put the other side on hold; the status of the re-INVITE."""
        return await self._modify(MediaDirection.SENDONLY)

    async def resume(self) -> int:
        """Take the other side back."""
        return await self._modify(MediaDirection.SENDRECV)

    def hang_up(self) -> None:
        """CANCEL or BYE, as the state needs it."""
        if self.session is not None:
            self.phone.stack.hang_up(self.session)
            self.finish("hung up by us")

    async def until_ended(self, within_s: float) -> str:
        """Wait for the other side to hang up; how it ended. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            await self.ended.wait()
        return self.end_cause

    async def _modify(self, direction: MediaDirection) -> int:
        if self.session is None:
            raise RuntimeError("the call is over")
        local = LocalMedia(self.local.address, self.local.codecs, self.local.session_id, direction=direction)
        self.described = negotiate.offer(local, self.described)
        self._modified = asyncio.get_running_loop().create_future()
        self.phone.stack.modify(self.session, self.described)
        return await self._modified

    # --- what the stack reports ---

    def connect(self) -> None:
        """Audio flows as negotiated."""
        agreed = self.negotiated
        if agreed is not None:
            codec = EngineCodec[agreed.codec.name]
            self.media.connect(agreed.remote, codec, agreed.payload_type, agreed.dtmf_payload_type)

    def taken(self, body: bytes) -> None:
        """The other side answered."""
        self.negotiated = negotiate.accept_answer(body, self.described)
        self.described = self.negotiated.body
        self.connect()
        if not self.answered.done():
            self.answered.set_result(None)

    def modified(self, status: int, body: bytes) -> None:
        """The other side answered our re-INVITE."""
        if body:
            self.negotiated = negotiate.accept_answer(body, self.described)
            self.connect()
        if self._modified is not None and not self._modified.done():
            self._modified.set_result(status)

    def finish(self, cause: str, failure: Dialled | None = None) -> None:
        """The call is over."""
        if self.ended.is_set():
            return
        self.end_cause = cause
        if self.session is not None:
            self.phone.calls.pop(self.session, None)
        self.session = None
        self.media.close()
        self.ended.set()
        if not self.answered.done():
            if failure is not None:
                self.answered.set_exception(failure)
            else:
                self.answered.cancel()


class Phone:
    """`async with Phone(settings) as phone:`; leaving hangs everything up and un-registers nobody."""

    def __init__(
        self,
        settings: PhoneSettings,
        on_call: Callable[[PhoneCall], None] | None = None,
        new_media: Callable[[], Media] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`on_call` decides about incoming calls; without it they wait for `incoming()`. `new_media` replaces the
        phone's sound, for load that is sent by another program; then `dial` and `on_call` stay synchronous."""
        self.settings = settings
        self.ids = IdSource()
        self.calls: dict[SessionId, PhoneCall] = {}
        self._on_call = on_call
        self._new_media = new_media
        self._observer = observer
        self._waiting: deque[PhoneCall] = deque()
        self._came = asyncio.Event()
        self._requests: dict[RequestId, asyncio.Future[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._accounts: dict[str, DigestClient] = {}
        self._registrations: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        mine = (Address(self.settings.host, self.settings.port),)
        is_udp = self.settings.transport is Transport.UDP
        where = StackSettings(udp=mine if is_udp else (), tcp=() if is_udp else mine)
        endpoint = Endpoint(EndpointSettings(user_agent=self.settings.user_agent), self.ids)
        self.stack = SipStack(endpoint, LoopClock(loop), self._on_event, where, self._observer)
        await self.stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for call in list(self.calls.values()):
            call.hang_up()
        await self.stack.__aexit__(kind, error, trace)

    async def unplug(self) -> None:
        """Vanish from the network: no BYE, no un-registration, and no answer to anything any more."""
        await self.stack.__aexit__(None, None, None)
        for call in list(self.calls.values()):
            call.finish("unplugged")

    @property
    def address(self) -> Address:
        """Where the phone listens."""
        return self.stack.addresses(self.settings.transport)[0]

    # --- registering ---

    @property
    def users(self) -> tuple[str, ...]:
        """Who is registered now."""
        return tuple(self._registrations)

    async def register(self, user: str, password: str, expires_s: int = REGISTER_FOR_S) -> int:
        """Register `user`; the final status. The password is kept for calls."""
        self._accounts[user] = DigestClient(user, password)
        status = await self._register(user, expires_s)
        if 200 <= status < 300 and expires_s:
            self._registrations[user] = password
        return status

    async def unregister(self, user: str) -> int:
        """Take the registration back."""
        self._registrations.pop(user, None)
        return await self._register(user, 0)

    async def _register(self, user: str, expires_s: int) -> int:
        server, mine = self.settings.server, self.address
        own = NameAddr(SipUri("sip", user, server.host, server.port), self.settings.display)
        transport = ";transport=tcp" if self.settings.transport is Transport.TCP else ""
        name = f"{quoted(self.settings.display)} " if self.settings.display else ""
        contact = f"{name}<sip:{user}@{mine}{transport}>"
        request = OutgoingRequest(
            method="REGISTER",
            target=SipUri("sip", "", server.host, server.port),
            flow=self._flow(),
            from_=own,
            to=own,
            headers=(("Contact", contact), ("Expires", str(expires_s))),
            credentials=self._accounts[user],
        )
        return await self._finished(self.stack.request(request))

    async def _finished(self, request: RequestId) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests[request] = future
        return await future

    # --- calling ---

    async def dial(self, number: str, caller: str = "13800138000", as_user: str = "") -> PhoneCall:
        """Call `number`, as `caller` or with the credentials of a registered user; returns once it is on its way."""
        media = self._new_media() if self._new_media else await Sound.open(self.settings.host)
        return self.place(media, number, caller, as_user)

    def place(self, media: Media, number: str, caller: str, as_user: str = "") -> PhoneCall:
        """The same with audio that is there already."""
        call = PhoneCall(self, media, as_user or caller)
        call.described = negotiate.offer(call.local)
        server = self.settings.server
        invite = OutgoingInvite(
            target=SipUri("sip", number, server.host, server.port),
            flow=self._flow(),
            from_=NameAddr(SipUri("sip", as_user or caller, server.host), self.settings.display),
            to=NameAddr(SipUri("sip", number, server.host)),
            body=call.described,
            credentials=self._accounts.get(as_user),
        )
        call.session = self.stack.invite(invite)
        self.calls[call.session] = call
        return call

    async def call(self, number: str, caller: str = "13800138000", as_user: str = "") -> PhoneCall:
        """Call and wait for the answer; raises Dialled with the status otherwise."""
        call = await self.dial(number, caller, as_user)
        await call.answered
        return call

    async def incoming(self, within_s: float = 10.0) -> PhoneCall:
        """The next call that rings here; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
        return self._waiting.popleft()

    # --- within ---

    def _flow(self) -> SipFlow:
        return self.stack.flow_to(self.settings.transport, self.settings.server)

    def _on_event(self, event: SipEvent) -> None:
        if isinstance(event, InviteArrived):
            self._arrive(event)
            return
        if isinstance(event, RequestFinished):
            future = self._requests.pop(event.request, None)
            if future is not None and not future.done():
                future.set_result(event.status)
            return
        call = self.calls.get(getattr(event, "session", SessionId(-1)))
        if call is None:
            return
        match event:
            case SessionProgress():
                call.ringing.set()
            case SessionAnswered(body=body):
                call.taken(body)
            case SessionConfirmed():
                if not call.answered.done():
                    call.answered.set_result(None)
            case SessionRefused(status=status, reason=reason, response=response):
                call.finish(f"refused {status}", Dialled(status, reason, response))
            case SessionEnded(cause=cause):
                call.finish(cause.value)
            case InviteCancelled():
                call.finish("cancelled")
            case ModifyAnswered(status=status, body=body):
                call.modified(status, body)
            case SessionModified(offer=offer):
                agreed = negotiate.answer_offer(offer, call.local, call.described)
                call.negotiated, call.described = agreed, agreed.body
                self.stack.accept_modify(event.session, agreed.body)
                call.connect()
            case _:
                pass

    def _arrive(self, event: InviteArrived) -> None:
        if self._new_media is not None:
            self._offer(event, self._new_media())
            return
        task = asyncio.get_running_loop().create_task(self._open_sound(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open_sound(self, event: InviteArrived) -> None:
        self._offer(event, await Sound.open(self.settings.host))

    def _offer(self, event: InviteArrived, media: Media) -> None:
        call = PhoneCall(self, media, event.request.uri.username)
        call.session = event.session
        call.caller = event.request.from_.uri.username
        call.headers = dict(event.request.headers)
        self.calls[event.session] = call
        call.negotiated = negotiate.answer_offer(event.offer, call.local)
        call.described = call.negotiated.body
        if self._on_call is not None:
            self._on_call(call)
            return
        self._waiting.append(call)
        self._came.set()
