"""Recognisers over real pipes and sockets: helper processes that fail, servers that do what they like."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.helper import process_helper
from acdcore.recognition.http_recogniser import (
    ANSWER_MAX,
    AT_ONCE_MAX,
    FAILURES_UNTIL_TROUBLE,
    HttpRecogniser,
    HttpSettings,
)
from acdcore.recognition.model import Phrase, Recogniser
from acdcore.recognition.pool import RECOGNITION, HelperPool, PoolSettings
from acdcore.recognition.recogniser import PhraseRecogniser
from acdcore.recognition.service import RecognitionSettings, open_recognition

pytestmark = pytest.mark.wire
HELPER = Path(__file__).parents[1] / "recognition" / "written_down.py"
WITHIN_S = 60.0
"""A busy machine starts a process in seconds."""
KEY = "a-secret-key"
PHRASES = (Phrase("sales", ("sales",)), Phrase("legal", ("legal department",)))


def sound(word: str) -> bytes:
    """Silence, and what the helper is to do with it."""
    return bytes(4_000) + word.encode()


@asynccontextmanager
async def pool_of(*arguments: str, settings: PoolSettings | None = None) -> AsyncIterator[HelperPool]:
    pool = HelperPool(process_helper((sys.executable, str(HELPER), *arguments)), settings or PoolSettings())
    async with pool.running():
        yield pool


async def outcome(engine: HelperPool | HttpRecogniser, word: str, within_s: float = WITHIN_S) -> str:
    try:
        return (await engine.transcribe(sound(word), "en", "sales, legal", within_s)).text
    except Unavailable as error:
        return f"unavailable: {error}"


async def test_a_process_writes_down_what_it_is_given() -> None:
    async with pool_of() as pool:
        assert await outcome(pool, "销售部 sales") == "销售部 sales"
        assert await outcome(pool, "problem") == "unavailable: the recogniser: ValueError: no"
        assert await outcome(pool, "sales") == "sales"


@pytest.mark.parametrize("fault", ["die", "nonsense", "flood", "hang"])
async def test_a_process_that_fails_is_replaced(fault: str) -> None:
    async with pool_of(settings=PoolSettings(hang_after_s=5.0)) as pool:
        assert (await outcome(pool, fault)).startswith("unavailable: ")
        assert await outcome(pool, "sales") == "sales"


async def test_the_last_words_of_a_process_are_told() -> None:
    async with pool_of() as pool:
        assert "killed by its memory" in await outcome(pool, "die")
    async with pool_of("broken") as pool:
        assert "no such model" in await outcome(pool, "sales")
        assert "no such model" in pool.conditions()[0][1]


async def test_a_program_that_is_not_there_is_told() -> None:
    pool = HelperPool(process_helper(("/nonexistent/program",)))
    async with pool.running():
        assert "does not start" in await outcome(pool, "sales")


# --- HTTP ---


@asynccontextmanager
async def server(handler: Callable[[web.Request], object], key: str = "") -> AsyncIterator[HttpRecogniser]:
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/v1/audio/transcriptions", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    recogniser = HttpRecogniser(HttpSettings(f"http://127.0.0.1:{port}/v1/audio/transcriptions", "base", key))
    try:
        async with recogniser.running():
            yield recogniser
    finally:
        await runner.shutdown()
        await runner.cleanup()


async def test_a_server_gets_the_sound_and_what_is_known_of_it() -> None:
    forms: list[dict[str, object]] = []

    async def handler(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        forms.append({**form, "file": file.file.read(), "name": file.filename, "key": request.headers["Authorization"]})
        return web.json_response({"text": " Sales, please. "})

    async with server(handler, KEY) as engine:
        heard = await PhraseRecogniser(engine).recognise(sound("x"), "en", PHRASES, WITHIN_S)
    assert [(each.value, each.text) for each in heard] == [("sales", "Sales, please.")]
    form = forms[0]
    file = form.pop("file")
    assert isinstance(file, bytes) and file[:4] == b"RIFF" and file[44:] == sound("x")
    assert form == {
        "name": "speech.wav",
        "key": f"Bearer {KEY}",
        "model": "base",
        "language": "en",
        "prompt": "sales, legal department.",
        "response_format": "json",
    }


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 200, "the answer is not JSON"),
        (b"<html>", 200, "the answer is not JSON"),
        (b"[" * 60_000, 200, "the answer is not JSON"),
        (b'"sales"', 200, 'the answer has no "text"'),
        (b'{"text": 5}', 200, 'the answer has no "text"'),
        (b'{"error": "bad key a-secret-key"}', 401, 'status 401: {"error": "bad key ***"}'),
        (b"x" * 60_000, 500, "status 500"),
        (b"", 302, "status 302"),
        (b"x" * (ANSWER_MAX + 1), 200, f"the answer has more than {ANSWER_MAX} octets"),
    ],
)
async def test_a_server_that_answers_nonsense_is_unavailable(body: bytes, status: int, told: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(
            body=body, status=status, headers={"Location": "http://127.0.0.1:1/"} if status == 302 else {}
        )

    async with server(handler, KEY) as engine:
        said = await outcome(engine, "sales")
    assert said.startswith(f"unavailable: the HTTP recogniser: {told}")
    assert KEY not in said
    assert len(said) < 400


async def test_a_server_that_sends_without_end_is_not_read_to_the_end() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1_600):
            try:
                await response.write(b"x" * 65_536)
            except ConnectionError:
                break
            sent += 65_536
        return response

    async with server(handler) as engine:
        assert "more than" in await outcome(engine, "sales")
    assert sent < 50_000_000


async def test_a_server_that_says_nothing_is_given_up_at_the_deadline() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(20)
        return web.Response()

    async with server(handler) as engine:
        assert await outcome(engine, "sales", 0.3) == "unavailable: the HTTP recogniser: no answer within 0.3 s"


async def test_a_server_that_is_away_is_told_without_its_address() -> None:
    engine = HttpRecogniser(HttpSettings("http://127.0.0.1:1/?token=word", "", KEY))
    async with engine.running():
        said = await outcome(engine, "sales")
    assert said.startswith("unavailable: the HTTP recogniser: Client")
    assert "word" not in said


async def test_no_more_requests_than_the_limit_are_under_way() -> None:
    free = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        await free.wait()
        return web.json_response({"text": "sales"})

    async with server(handler) as engine:
        waiting = [asyncio.create_task(outcome(engine, "sales")) for _ in range(AT_ONCE_MAX)]
        await asyncio.sleep(0.2)
        assert (await outcome(engine, "sales")).startswith(f"unavailable: {AT_ONCE_MAX} callers wait")
        free.set()
        assert set(await asyncio.gather(*waiting)) == {"sales"}


# --- what every recogniser promises ---


@asynccontextmanager
async def by_process() -> AsyncIterator[Recogniser]:
    async with pool_of() as pool:
        yield PhraseRecogniser(pool)


@asynccontextmanager
async def by_server() -> AsyncIterator[Recogniser]:
    async def handler(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        return web.json_response({"text": file.file.read()[44:].lstrip(b"\0").decode("utf-8", "replace")})

    async with server(handler) as engine:
        yield PhraseRecogniser(engine)


@pytest.mark.parametrize("opened", [by_process, by_server])
async def test_recognisers_keep_their_promise(opened: Callable[[], object]) -> None:
    async with opened() as recogniser:  # type: ignore[attr-defined]
        heard = await recogniser.recognise(sound("uh, sales please"), "en", PHRASES, WITHIN_S)
        assert heard[0].value == "sales" and 0 < heard[0].confidence <= 1
        assert await recogniser.recognise(sound("completely different"), "en", PHRASES, WITHIN_S) == ()
        assert await recogniser.recognise(b"", "en", PHRASES, WITHIN_S) == ()
        assert await recogniser.recognise(sound("sales"), "en", (), WITHIN_S) == ()
        with pytest.raises(Unavailable):
            await recogniser.recognise(sound("sales"), "en", PHRASES, 0.0)


async def test_a_server_that_fails_again_and_again_is_in_trouble_until_it_answers() -> None:
    answers = iter([500, 500, 200, 500, 500, 500, 200])

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"text": "sales"}, status=next(answers))

    troubles = []
    async with server(handler) as engine:
        for _ in range(7):
            await outcome(engine, "sales")
            troubles.append(engine.trouble.partition(": {")[0])
    assert troubles == [*[""] * 5, "the HTTP recogniser: status 500", ""]


async def test_a_server_in_trouble_is_an_alarm() -> None:
    settings = RecognitionSettings(engine="http", url="http://127.0.0.1:1/v1/audio/transcriptions")
    async with open_recognition(settings) as service:
        assert service.understanding is not None
        assert service.conditions() == ((RECOGNITION, ""),)
        for _ in range(FAILURES_UNTIL_TROUBLE):
            with pytest.raises(Unavailable):
                await service.understanding.recogniser.recognise(sound("x"), "en", PHRASES, WITHIN_S)
        ((kind, detail),) = service.conditions()
    assert kind is RECOGNITION and detail.startswith("the HTTP recogniser: ")
