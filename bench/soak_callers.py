"""Callers, agents and the outside world of the soak: random behaviour, and what the phones saw of each call."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

import aiohttp

from acdcore.kernel.address import Address
from acdcore.numbering.plan import at_home
from bench.daemon import Daemon
from bench.phone import Dialled, Phone, PhoneCall, PhoneSettings
from bench.pulse import Heart, Pulse
from bench.soak_centre import DIRECT, KEYS, LOST_AFTER_S, MENU, PASSWORD, RECALLED, SURVEY

CALLER_PHONES = 4
AGENT_PHONES = 4
FIRST_CALLER = 13_900_000_000
REGISTERED_FOR_S = 3600
ANSWERED_WITHIN_S = 15.0
SERVED_WITHIN_S = 90.0
"""Seconds within which an agent must answer, although agents do not answer, vanish and come back."""
FREED_WITHIN_S = 15.0
BATCH = 16
UNPLUGGED_FOR_S = (4.0, 12.0)
FIRST_WORDS_S = 1.0
"""Seconds; a shorter connection may have had no talk, since announcements come first."""


class Kind(StrEnum):
    """What a caller does, or has done to the call."""

    TALK = "talk"
    MENU = "menu"
    """Wrong keys first, then the right one; more in the talk."""
    IMPATIENT = "impatient"
    """Hangs up after a time of chance, whatever the call is doing."""
    MUTED = "muted"
    """Sends no sound, only RTCP, for longer than the limit of silence."""
    SILENT = "silent"
    """Sends nothing at all for so long, but answers when asked."""
    HOLD = "hold"
    """Is held by the agent, or holds."""
    REQUEUED = "requeued"
    """Is sent to another queue in the talk."""
    DIVERTED = "diverted"
    """Is sent into the survey in the talk."""
    HUNG_UP = "hung_up"
    """Is hung up by operations staff, at any time."""
    CALLER_LOST = "caller_lost"
    """The network of the caller goes away in the talk."""
    AGENT_LOST = "agent_lost"
    """The network of the agent goes away in the talk."""
    CALLBACK = "callback"
    """Asks for a callback instead of waiting."""
    REDIAL = "redial"
    """Hangs up in the queue and calls again."""


WEIGHTS = {
    Kind.TALK: 30,
    Kind.MENU: 10,
    Kind.IMPATIENT: 14,
    Kind.MUTED: 6,
    Kind.SILENT: 4,
    Kind.HOLD: 7,
    Kind.REQUEUED: 8,
    Kind.DIVERTED: 3,
    Kind.HUNG_UP: 5,
    Kind.CALLER_LOST: 3,
    Kind.AGENT_LOST: 4,
    Kind.CALLBACK: 4,
    Kind.REDIAL: 2,
}


@dataclass(slots=True)
class Ear:
    """An agent's end of a talk."""

    agent: str
    call: PhoneCall
    began_at: float = 0.0
    ended_at: float = 0.0
    """0 while it lasts."""


@dataclass(slots=True)
class Truth:
    """What the phones saw of one call."""

    number: str
    kind: Kind
    is_answered: bool = False
    status: int = 0
    """Of the refusal; 0 when there was none."""
    ears: list[Ear] = field(default_factory=list)
    """Agents whose phones were acknowledged, in order."""
    ended_by: str = ""
    """Who hung up first, as far as the phones can tell: caller, agent, lost, staff; "" when it was the daemon."""
    fault: str = ""
    """What the phones found wrong."""

    def talked_to(self, at_least_s: float) -> list[str]:
        """The agents who were connected for so long."""
        return [ear.agent for ear in self.ears if ear.ended_at - ear.began_at >= at_least_s]


class World:
    """All callers, agents and customers; `async with World(...) as world:`."""

    def __init__(self, daemon: Daemon, chance: Random, client: aiohttp.ClientSession, outside_port: int) -> None:
        self.daemon = daemon
        self.chance = chance
        self.client = client
        self.outside_port = outside_port
        self.done: Counter[str] = Counter()
        """What was done, by name."""
        self.truths: list[Truth] = []
        """Of the calls that are over."""
        self.live: dict[str, Caller] = {}
        """By number."""
        self.heart = Heart()
        self.dialled = 0
        self.faults: list[str] = []
        """Faults that do not belong to one call."""
        self._stack = contextlib.AsyncExitStack()
        self._callers: list[Phone] = []
        self._agents: list[Phone] = []
        self._own: dict[str, Phone] = {}
        """Phones of the agents who have one each and may be unplugged."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "World":
        await self._stack.enter_async_context(self.heart)
        for _ in range(CALLER_PHONES):
            self._callers.append(await self._stack.enter_async_context(self._phone(None)))
        for _ in range(AGENT_PHONES):
            self._agents.append(await self._stack.enter_async_context(self._phone(self._ring)))
        settings = PhoneSettings(self.daemon.sip, port=self.outside_port)
        outside = Phone(settings, on_call=self._ring_outside, new_media=self.heart.new)
        await self._stack.enter_async_context(outside)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for phone in self._own.values():
            await phone.__aexit__(None, None, None)
        await self._stack.aclose()

    @property
    def sip(self) -> Address:
        """Where the daemon takes calls."""
        return self.daemon.sip

    # --- agents ---

    async def staff(self, numbers: list[str], own: list[str]) -> None:
        """Register all, log them in and make them ready; those of `own` have a phone each."""
        for number in own:
            await self._plug_in(number)
        shared = [number for number in numbers if number not in own]

        async def one(index: int, number: str) -> None:
            phone = self._agents[index % AGENT_PHONES]
            status = await phone.register(number, PASSWORD, REGISTERED_FOR_S)
            if status != 200:
                raise RuntimeError(f"agent {number}: REGISTER got {status}")

        for first in range(0, len(shared), BATCH):
            batch = shared[first : first + BATCH]
            await asyncio.gather(*(one(first + index, number) for index, number in enumerate(batch)))
        for number in numbers:
            await self.order(number, "log_in")
            await self.order(number, "ready")

    async def order(self, agent: str, command: str, **facts: str) -> int:
        """Change an agent's state; the status."""
        async with self.client.post(f"/v1/agents/{agent}/state", json={"command": command, **facts}) as answer:
            return answer.status

    async def unplug(self, agent: str) -> bool:
        """Take an agent's phone off the network, and bring a new one after a while; False when it is shared."""
        phone = self._own.pop(agent, None)
        if phone is None:
            return False
        self.done["phones unplugged"] += 1
        await phone.unplug()
        self.spawn(self._plug_in_later(agent))
        return True

    async def take_break(self) -> None:
        """Some agent goes on a break and comes back."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 1.5))
            agent = self.chance.choice([user for phone in self._agents for user in phone.users])
            if await self.order(agent, "not_ready", reason="tea") == 200:
                self.done["breaks"] += 1
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            await self.order(agent, "ready")

    def spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        """Do it beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _plug_in(self, agent: str) -> None:
        phone = self._phone(self._ring)
        await phone.__aenter__()
        self._own[agent] = phone
        status = await phone.register(agent, PASSWORD, REGISTERED_FOR_S)
        if status != 200:
            self.faults.append(f"agent {agent}: REGISTER got {status}")

    async def _plug_in_later(self, agent: str) -> None:
        await asyncio.sleep(self.chance.uniform(*UNPLUGGED_FOR_S))
        await self._plug_in(agent)

    def _phone(self, on_call: Callable[[PhoneCall], None] | None) -> Phone:
        return Phone(PhoneSettings(self.daemon.sip), on_call=on_call, new_media=self.heart.new)

    def _ring(self, call: PhoneCall) -> None:
        """An agent's phone rings."""
        call.ring()
        luck = self.chance.random()
        if luck < 0.03:
            self.done["offers refused"] += 1
            call.refuse(486)
        elif luck < 0.05:
            self.done["offers left ringing"] += 1
        else:
            self.spawn(self._pick_up(call, self.chance.uniform(0.0, 0.8)))

    async def _pick_up(self, call: PhoneCall, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if call.ended.is_set():
            return
        loop = asyncio.get_running_loop()
        call.answer()
        with contextlib.suppress(asyncio.CancelledError):
            await call.answered
        if call.ended.is_set():
            return
        ear = Ear(call.user, call, loop.time())
        caller = self.live.get(at_home(call.caller))
        if caller is not None:
            caller.joined(ear)
        await call.ended.wait()
        ear.ended_at = loop.time()

    # --- the outside world ---

    def _ring_outside(self, call: PhoneCall) -> None:
        """A customer is called back."""
        number = at_home(call.user)
        self.done["customers dialled"] += 1
        if number in self.live:
            self.faults.append(f"{number} was dialled while calling")
        if any(truth.number == number and truth.talked_to(FIRST_WORDS_S) for truth in self.truths[-2000:]):
            self.faults.append(f"{number} was dialled after being served")
        if self.chance.random() < 0.3:
            call.refuse(486)
            return
        call.ring()
        self.spawn(self._chat(call))

    async def _chat(self, call: PhoneCall) -> None:
        await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        call.answer()
        await asyncio.sleep(self.chance.uniform(0.5, 3.0))
        call.hang_up()

    # --- callers ---

    async def call(self) -> None:
        """The next caller, from the first ring to the last word."""
        number = str(FIRST_CALLER + self.dialled)
        kind = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        phone = self._callers[self.dialled % CALLER_PHONES]
        self.dialled += 1
        self.done[kind] += 1
        if kind is Kind.REDIAL:
            await self._life(Caller(self, Truth(number, Kind.IMPATIENT)), phone, RECALLED)
        await self._life(Caller(self, Truth(number, kind)), phone, RECALLED if kind is Kind.CALLBACK else "")

    async def _life(self, caller: "Caller", phone: Phone, dialled: str) -> None:
        truth = caller.truth
        self.live[truth.number] = caller
        try:
            if truth.kind is Kind.CALLER_LOST:
                async with self._phone(None) as own:
                    await caller.live(own, dialled)
            else:
                await caller.live(phone, dialled)
        finally:
            del self.live[truth.number]
            self.truths.append(truth)


class Caller:
    """One call's life."""

    def __init__(self, world: World, truth: Truth) -> None:
        self.world = world
        self.truth = truth
        self._joined: asyncio.Queue[Ear] = asyncio.Queue()

    def joined(self, ear: Ear) -> None:
        """An agent's phone was acknowledged."""
        self.truth.ears.append(ear)
        self._joined.put_nowait(ear)

    async def live(self, phone: Phone, dialled: str) -> None:
        """Dial, and do what this kind does."""
        chance, truth = self.world.chance, self.truth
        number = dialled or chance.choice((MENU, DIRECT))
        self.phone, self.pulse = phone, self.world.heart.new()
        self.call = phone.place(self.pulse, number, truth.number)
        try:
            if truth.kind is Kind.IMPATIENT:
                await self._hang_up_after(chance.uniform(0.05, 6.0), number)
                return
            await self._be_answered(number)
            await self._act()
        except Dialled as refused:
            truth.status = refused.status
            truth.fault = "" if refused.status in (486, 503) else f"refused with {refused.status}"
        except Wrong as wrong:
            truth.fault = str(wrong)
        finally:
            if not self.call.ended.is_set():
                truth.ended_by = truth.ended_by or "caller"
                self.call.hang_up()
            await self._all_free()

    # --- steps ---

    async def _be_answered(self, number: str) -> None:
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await asyncio.shield(self.call.answered)
        except TimeoutError:
            raise Wrong("no answer") from None
        except asyncio.CancelledError:
            if self.call.answered.cancelled():
                raise Wrong("hung up before the answer") from None
            raise
        self.truth.is_answered = True
        if number == MENU:
            await asyncio.sleep(self.world.chance.uniform(0.2, 1.0))
            if self.truth.kind is Kind.MENU:
                self.pulse.press("79")
                await asyncio.sleep(0.8)
            self.pulse.press(self.world.chance.choice(list(KEYS)))

    async def _agent(self) -> Ear:
        """The next agent who joins; raises Wrong when the call ends or nobody comes."""
        ear = await self._next_or_end()
        if ear is None:
            raise Wrong(f"cut off while waiting: {self.call.end_cause}")
        return ear

    async def _next_or_end(self) -> Ear | None:
        """The next agent who joins, None when the call ends first; raises Wrong when neither comes."""
        joined = asyncio.ensure_future(self._joined.get())
        ended = asyncio.ensure_future(self.call.ended.wait())
        try:
            await asyncio.wait({joined, ended}, timeout=SERVED_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if joined.done():
                return joined.result()
            if not ended.done():
                raise Wrong("nobody answered, and nobody hung up")
            return None
        finally:
            joined.cancel()
            ended.cancel()

    async def _act(self) -> None:
        match self.truth.kind:
            case Kind.HUNG_UP:
                await self._be_hung_up()
                return
            case Kind.CALLBACK:
                await self._ask_for_callback()
                return
        ear = await self._agent()
        await asyncio.sleep(self.world.chance.uniform(0.5, 3.0))
        self._check_both_talk(ear)
        match self.truth.kind:
            case Kind.MENU:
                self.pulse.press("0123456789")
                await asyncio.sleep(0.5)
            case Kind.MUTED | Kind.SILENT:
                await self._fall_silent(ear)
            case Kind.HOLD:
                await self._hold(ear)
            case Kind.REQUEUED:
                ear = await self._be_requeued(ear)
            case Kind.DIVERTED:
                await self._be_diverted()
                return
            case Kind.CALLER_LOST:
                self.truth.ended_by = "lost"
                await self.phone.unplug()
                return
            case Kind.AGENT_LOST:
                ear = await self._lose_agent(ear)
        await self._part(ear)

    def _check_both_talk(self, ear: Ear) -> None:
        if self.call.ended.is_set():
            raise Wrong(f"cut off in the talk: {self.call.end_cause}")
        if ear.call.ended.is_set():
            raise Wrong(f"agent {ear.agent} was cut off in the talk: {ear.call.end_cause}")

    async def _part(self, ear: Ear) -> None:
        """One of the two hangs up."""
        self._check_both_talk(ear)
        if self.world.chance.random() < 0.5:
            self.truth.ended_by = "caller"
            self.call.hang_up()
            return
        self.truth.ended_by = "agent"
        ear.call.hang_up()
        # when both hang up at once, nobody can say who was first
        await asyncio.sleep(self.world.chance.uniform(0.3, 1.0))
        stays = self.world.chance.random() < 0.7
        self.pulse.press("1")
        if (stays or not self._joined.empty()) and await self._next_or_end() is not None:
            self.truth.ended_by = "caller"  # the agent had not heard the announcements out, and another one came
            await asyncio.sleep(1.0)

    async def _until_over(self) -> None:
        try:
            await self.call.until_ended(FREED_WITHIN_S)
        except TimeoutError:
            raise Wrong("was not hung up") from None

    async def _all_free(self) -> None:
        """Every agent's phone that belonged to the call is free of it, soon."""
        for ear in self.truth.ears:
            try:
                await ear.call.until_ended(FREED_WITHIN_S + 3 * LOST_AFTER_S)
            except TimeoutError:
                self.truth.fault = self.truth.fault or f"agent {ear.agent} was not freed"
        await asyncio.sleep(0)  # lets those who watch the ends note their time

    async def _hang_up_after(self, seconds: float, number: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._be_answered(number)
                await self.call.ended.wait()

    # --- kinds ---

    async def _fall_silent(self, ear: Ear) -> None:
        silent = self.pulse if self.world.chance.random() < 0.5 else ear.call.media
        if not isinstance(silent, Pulse):
            return
        silent.talks, silent.reports = False, self.truth.kind is Kind.MUTED
        await asyncio.sleep(LOST_AFTER_S * self.world.chance.uniform(1.2, 2.5))
        silent.talks = silent.reports = True
        await asyncio.sleep(0.5)

    async def _hold(self, ear: Ear) -> None:
        holder = ear.call if self.world.chance.random() < 0.7 else self.call
        status = await holder.hold()
        if status != 200:
            raise Wrong(f"hold got {status}")
        await asyncio.sleep(self.world.chance.uniform(0.3, 2.0))
        if holder.ended.is_set():
            return
        status = await holder.resume()
        if status != 200:
            raise Wrong(f"resume got {status}")
        await asyncio.sleep(0.3)

    async def _be_requeued(self, ear: Ear) -> Ear:
        queue = self.world.chance.choice(("first", "second"))
        if not await self._staff("requeue", queue=queue):
            return ear
        ear = await self._agent()
        await asyncio.sleep(self.world.chance.uniform(0.5, 2.0))
        return ear

    async def _be_diverted(self) -> None:
        self.truth.ended_by = "staff"
        if await self._staff("flow", flow=SURVEY):
            await self._until_over()

    async def _be_hung_up(self) -> None:
        await asyncio.sleep(self.world.chance.uniform(0.0, 4.0))
        if self.call.ended.is_set():
            return
        self.truth.ended_by = "staff"
        if await self._staff("hang-up"):
            await self._until_over()

    async def _lose_agent(self, ear: Ear) -> Ear:
        if not await self.world.unplug(ear.agent):
            return ear
        ear = await self._agent()
        await asyncio.sleep(self.world.chance.uniform(0.5, 2.0))
        return ear

    async def _ask_for_callback(self) -> None:
        await asyncio.sleep(self.world.chance.uniform(1.2, 2.0))
        self.pulse.press("1")
        if await self._next_or_end() is not None:  # the key came too late
            await asyncio.sleep(1.0)

    async def _staff(self, action: str, **facts: str) -> bool:
        """An order of operations staff about this call; False when the call was not there for it."""
        call_id = await self._call_id()
        if call_id is None:
            return False
        async with self.world.client.post(f"/v1/calls/{call_id}/{action}", json=facts) as answer:
            if answer.status not in (202, 404, 409):
                raise Wrong(f"{action}: {answer.status} {await answer.text()}")
            return answer.status == 202

    async def _call_id(self) -> str | None:
        async with self.world.client.get("/v1/calls") as answer:
            calls = (await answer.json())["calls"]
        return next((call["call_id"] for call in calls if at_home(call["caller"]) == self.truth.number), None)


class Wrong(Exception):
    """A call did not go as it should; the message says why."""
