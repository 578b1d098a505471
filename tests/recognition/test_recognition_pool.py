"""The pool of helper processes in virtual time: who is served, who is refused, and what follows when one fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.helper import HelperGone, OpenHelper, Question, RecognitionHelper
from acdcore.recognition.model import Transcript
from acdcore.recognition.pool import RECOGNITION, HelperPool, PoolSettings

pytestmark = pytest.mark.looptime
START_S = 2.0
WORK_S = 0.5
FOR_EVER_S = 100_000.0


@dataclass
class HelperFactory:
    """Makes helpers that take their time, and fail where a text says so."""

    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    starts_in_vain: int = 0

    def opener(self) -> OpenHelper:
        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[RecognitionHelper]:
            await asyncio.sleep(START_S)
            if self.starts_in_vain:
                self.starts_in_vain -= 1
                raise HelperGone("no such model")
            self.started.append(now())
            try:
                yield Worker(self)
            finally:
                self.ended.append(now())

        return opened


@dataclass
class Worker:
    """One process."""

    factory: HelperFactory

    async def ask(self, question: Question) -> Transcript:
        word = question.pcm.decode()
        self.factory.begun.append(word)
        await asyncio.sleep(FOR_EVER_S if word == "hang" else WORK_S)
        if word == "die":
            raise HelperGone("killed")
        if word == "refuse":
            raise Unavailable("does not know Cantonese")
        return Transcript(f"{question.language} {word}", 0.9)


def now() -> float:
    return asyncio.get_running_loop().time()


async def said(pool: HelperPool, word: str, within_s: float = 10.0) -> str:
    return (await pool.transcribe(word.encode(), "en", "", within_s)).text


async def outcome(pool: HelperPool, word: str, within_s: float = 10.0) -> str:
    try:
        return await said(pool, word, within_s)
    except Unavailable as error:
        return f"unavailable: {error}"


async def test_first_process_is_warm_before_the_first_caller() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener())
    async with pool.running():
        await asyncio.sleep(10.0)
        began = now()
        assert await said(pool, "sales") == "en sales"
        assert now() - began == pytest.approx(WORK_S)
    assert len(factory.started) == len(factory.ended) == 1


async def test_a_second_process_is_started_when_one_works_and_another_caller_waits() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(processes=3, waiting_max=10))
    async with pool.running():
        await asyncio.sleep(10.0)
        answers = await asyncio.gather(*(said(pool, f"word{number}") for number in range(12)))
        assert answers == [f"en word{number}" for number in range(12)]
        assert pool.up >= 2


async def test_idle_processes_end_but_for_the_first() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(processes=2, idle_s=300.0))
    async with pool.running():
        await asyncio.sleep(10.0)
        await asyncio.gather(*(said(pool, f"word{number}") for number in range(8)))
        assert pool.up == 2
        for _ in range(20):  # few callers are no reason to keep two
            await asyncio.sleep(30.0)
            await said(pool, "sales")
        assert pool.up == 1
        assert len(factory.ended) == 1


async def test_who_comes_when_too_many_wait_is_refused_at_once() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(processes=1, waiting_max=3))
    async with pool.running():
        await asyncio.sleep(10.0)
        waiting = [asyncio.create_task(outcome(pool, f"word{number}")) for number in range(4)]
        await asyncio.sleep(0.1)
        began = now()
        assert (await outcome(pool, "late")).startswith("unavailable: 3 callers wait")
        assert now() == began
        assert await asyncio.gather(*waiting) == [f"en word{number}" for number in range(4)]


async def test_who_has_waited_too_long_has_no_answer_and_is_not_begun() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener())
    async with pool.running():
        await asyncio.sleep(10.0)
        first = asyncio.create_task(outcome(pool, "first"))
        await asyncio.sleep(0.01)
        began = now()
        assert await outcome(pool, "second", within_s=0.3) == "unavailable: nothing was understood within 0.3 s"
        assert now() - began == pytest.approx(0.3)
        assert await first == "en first"
        await asyncio.sleep(5.0)
        assert factory.begun == ["first"]


async def test_who_hangs_up_is_not_begun_and_leaves_no_place_taken() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(waiting_max=1))
    async with pool.running():
        await asyncio.sleep(10.0)
        first = asyncio.create_task(outcome(pool, "first"))
        await asyncio.sleep(0.01)
        gone = asyncio.create_task(outcome(pool, "gone"))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0.01)
        assert pool.waiting == 0
        assert await outcome(pool, "third") == "en third"
        assert await first == "en first"
        assert factory.begun == ["first", "third"]


async def test_who_hangs_up_in_the_middle_costs_no_process() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener())
    async with pool.running():
        await asyncio.sleep(10.0)
        gone = asyncio.create_task(outcome(pool, "gone"))
        await asyncio.sleep(WORK_S / 2)
        gone.cancel()
        assert await outcome(pool, "next") == "en next"
    assert len(factory.started) == 1


async def test_a_process_that_hangs_is_replaced() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(hang_after_s=8.0))
    async with pool.running():
        await asyncio.sleep(10.0)
        assert await outcome(pool, "hang", within_s=3.0) == "unavailable: nothing was understood within 3 s"
        assert await outcome(pool, "next", within_s=10.0) == "en next"
        assert (len(factory.started), len(factory.ended)) == (2, 1)


async def test_a_process_that_dies_is_replaced_and_only_its_caller_has_no_answer() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener())
    async with pool.running():
        await asyncio.sleep(10.0)
        assert list(await asyncio.gather(outcome(pool, "die"), outcome(pool, "next"))) == [
            "unavailable: killed",
            "en next",
        ]
        assert pool.conditions() == ((RECOGNITION, ""),)


async def test_a_question_that_cannot_be_answered_costs_no_process() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener())
    async with pool.running():
        await asyncio.sleep(10.0)
        assert await outcome(pool, "refuse") == "unavailable: does not know Cantonese"
        assert await outcome(pool, "next") == "en next"
        assert len(factory.started) == 1


async def test_when_none_starts_everybody_is_refused_at_once_and_it_is_tried_again() -> None:
    factory = HelperFactory(starts_in_vain=3)
    pool = HelperPool(factory.opener(), PoolSettings(rest_s=(1.0, 5.0)))
    async with pool.running():
        assert await outcome(pool, "early") == "unavailable: no such model"  # waited for the start
        began = now()
        assert await outcome(pool, "sales") == "unavailable: no such model"
        assert now() == began
        assert pool.conditions() == ((RECOGNITION, "no such model"),)
        await asyncio.sleep(3 * START_S + 1.0 + 5.0 + 5.0 + START_S)
        assert await outcome(pool, "sales") == "en sales"
        assert pool.conditions() == ((RECOGNITION, ""),)


async def test_a_process_that_is_never_ready_is_given_up() -> None:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[RecognitionHelper]:
        await asyncio.sleep(FOR_EVER_S)
        yield Worker(HelperFactory())

    pool = HelperPool(opened, PoolSettings(start_within_s=60.0))
    async with pool.running():
        began = now()
        assert await outcome(pool, "sales", within_s=300.0) == "unavailable: no recogniser is ready within 60 s"
        assert now() - began == pytest.approx(60.0)


async def test_the_end_ends_all_processes_and_refuses_who_waits() -> None:
    factory = HelperFactory()
    pool = HelperPool(factory.opener(), PoolSettings(processes=2))
    async with pool.running():
        await asyncio.sleep(10.0)
        waiting = [asyncio.create_task(outcome(pool, f"word{number}")) for number in range(5)]
        await asyncio.sleep(WORK_S + 0.1)
    began = now()
    assert len(factory.started) == len(factory.ended)
    outcomes = await asyncio.gather(*waiting)
    assert outcomes == ["en word0"] + ["unavailable: the daemon stops"] * 4
    assert now() == began


async def test_more_sound_than_the_model_takes_is_refused() -> None:
    pool = HelperPool(HelperFactory().opener())
    async with pool.running():
        assert (await outcome(pool, "x" * 600_000)).startswith("unavailable: more than 30 s")
