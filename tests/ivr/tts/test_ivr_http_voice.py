"""A voice over HTTP, against a real server on this machine: what it is asked, and what it may answer."""

from __future__ import annotations

import asyncio
import ssl
import struct
from array import array
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import pi, sin
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from acdcore.calls.media.tts import RuntimeTts
from acdcore.ivr.audio.wav import from_pcm, to_pcm, write_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptRequest, RuntimeText, Text
from acdcore.ivr.prompts.render import render
from acdcore.ivr.tts.cache import kept
from acdcore.ivr.tts.engines import HttpEngine, voices_ahead
from acdcore.ivr.tts.http_voice import (
    ANSWER_BYTES_MAX,
    AT_ONCE_MAX,
    TRIES_MAX,
    HttpReader,
    VoiceServer,
    read_key,
)
from acdcore.ivr.tts.voices import EngineUnavailable, HttpVoice, SpeechEngine, TtsRequest, VoiceChoice, VoiceSettings
from acdcore.kernel.errors import SettingsError, Unavailable

KEY = "sk-very-secret-0123456789"
KEYLESS = VoiceServer("")
VOICE = VoiceChoice(SpeechEngine.HTTP, "alloy")
LOOPBACK = Path(__file__).with_name("loopback.pem")
"""A certificate that only says 127.0.0.1, with its key; nobody trusts it."""
Handler = Callable[[web.Request], Coroutine[None, None, web.StreamResponse]]


@dataclass
class Server:
    """The server's side of the conversation."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: list[dict[str, object]] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0


@asynccontextmanager
async def serving(handler: Handler, secure: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A voice server on loopback."""
    server = Server()

    async def counted(request: web.Request) -> web.StreamResponse:
        server.headers.append(dict(request.headers))
        server.asked.append(await request.json())
        server.at_once += 1
        server.at_once_max = max(server.at_once_max, server.at_once)
        try:
            return await handler(request)
        finally:
            server.at_once -= 1

    app = web.Application()
    app.router.add_post("/v1/audio/speech", counted)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
    host, port = runner.addresses[0][:2]
    server.url = f"{'https' if secure else 'http'}://{host}:{port}/v1/audio/speech"
    try:
        yield server
    finally:
        await runner.cleanup()


def tone(length_s: float, rate: int, loudness: int = 8_000) -> array[int]:
    return array("h", [round(loudness * sin(2 * pi * 440 * at / rate)) for at in range(round(length_s * rate))])


def spoken(length_s: float = 1.0, rate: int = 24_000) -> bytes:
    return write_wav(to_pcm(tone(length_s, rate)), rate)


def saying(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    """A server that always says this."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return handler


def in_turn(*answers: Handler) -> Handler:
    """A server that answers each request with the next of these, and with the last from then on."""
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return handler


async def read(reader: HttpReader, directory: Path, texts: Sequence[str] = ("您好。",)) -> list[bytes | None]:
    """What the texts become, read in a thread as the daemon does."""
    readings = [TtsRequest(text, Language.CANTONESE, directory / f"{at}.wav", VOICE) for at, text in enumerate(texts)]
    await asyncio.to_thread(reader.read, readings, lambda: None)
    return [kept(reading.file) for reading in readings]


async def told(handler: Handler, directory: Path, voice: VoiceServer = KEYLESS) -> str:
    """What is told of a server that answers so, when asked once."""
    async with serving(handler) as server:
        reader = HttpReader(replace(voice, url=server.url), "alloy", tries=1)
        with pytest.raises(Unavailable) as failure:
            await read(reader, directory)
        return str(failure.value).replace(server.url, "SERVER")


def key_file(directory: Path, content: str = f"{KEY}\n", mode: int = 0o600) -> Path:
    file = directory / "voice-key"
    file.write_text(content)
    file.chmod(mode)
    return file


# --- what is asked, and what becomes of the answer ---


async def test_request_has_the_common_form_and_the_key(tmp_path: Path) -> None:
    async with serving(saying(spoken())) as server:
        reader = HttpReader(VoiceServer(server.url, "tts-1", key_file(tmp_path)), "alloy", speed=1.25)
        await read(reader, tmp_path, ["請按一。"])
        assert server.asked == [
            {"model": "tts-1", "input": "請按一。", "voice": "alloy", "response_format": "wav", "speed": 1.25}
        ]
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_server_without_key_and_model_is_sent_neither(tmp_path: Path) -> None:
    async with serving(saying(spoken())) as server:
        await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path)
        assert "model" not in server.asked[0]
        assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
async def test_sound_of_any_rate_becomes_the_telephones(tmp_path: Path, rate: int) -> None:
    async with serving(saying(spoken(rate=rate))) as server:
        (pcm,) = await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path)
        assert pcm is not None
        samples = from_pcm(pcm)
        assert 1.0 <= len(samples) / 8_000 < 1.6
        crossings = sum(before < 0 <= after for before, after in pairwise(samples))
        assert 430 < crossings < 450


async def test_streamed_wav_with_open_lengths_is_read(tmp_path: Path) -> None:
    data = bytearray(spoken())
    struct.pack_into("<I", data, 4, 0xFFFF_FFFF)
    struct.pack_into("<I", data, 40, 0xFFFF_FFFF)

    async def streamed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(data), 4_096):
            await response.write(bytes(data[at : at + 4_096]))
        return response

    async with serving(streamed) as server:
        (pcm,) = await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path)
        assert pcm is not None and len(pcm) > 16_000


async def test_no_more_than_a_few_texts_are_asked_for_at_once_and_each_is_counted(tmp_path: Path) -> None:
    crowd = asyncio.Event()

    async def crowded(request: web.Request) -> web.Response:
        if server.at_once == AT_ONCE_MAX:
            asyncio.get_running_loop().call_later(0.2, crowd.set)  # whoever is not held back has come by then
        await crowd.wait()
        return web.Response(body=spoken())

    async with serving(crowded) as server:
        readings = [
            TtsRequest("一", Language.CANTONESE, tmp_path / f"{at}.wav", VOICE) for at in range(3 * AT_ONCE_MAX)
        ]
        done: list[None] = []
        reader = HttpReader(VoiceServer(server.url), "alloy")
        await asyncio.to_thread(reader.read, readings, lambda: done.append(None))
        assert server.at_once_max == AT_ONCE_MAX
        assert len(done) == len(server.asked) == len(readings)


async def test_text_is_asked_for_once_and_then_kept(tmp_path: Path) -> None:
    async with serving(saying(spoken())) as server:
        key = PromptKey(PromptName("test.hello"), Language.CANTONESE)
        request = PromptRequest(key, Text("您好。"), "test.toml")
        chosen = VoiceSettings(dict.fromkeys(Language, VOICE), HttpVoice(server.url))
        reader = voices_ahead(chosen)
        first = await asyncio.to_thread(render, [request], tmp_path, tmp_path, None, reader)
        assert await asyncio.to_thread(render, [request], tmp_path, tmp_path, None, reader) == first
        assert len(server.asked) == 1


# --- a server that is busy, slow, away or wrong ---


async def test_busy_server_is_asked_again(tmp_path: Path) -> None:
    busy = saying(b"later", 429, {"Retry-After": "0"})
    async with serving(in_turn(busy, saying(b"", 503), saying(spoken()))) as server:
        (pcm,) = await read(HttpReader(VoiceServer(server.url), "alloy", pause_s=0.01), tmp_path)
        assert pcm is not None
        assert len(server.asked) == TRIES_MAX


async def test_server_that_stays_busy_is_given_up(tmp_path: Path) -> None:
    async with serving(saying(b"", 503)) as server:
        with pytest.raises(Unavailable, match="answered 503"):
            await read(HttpReader(VoiceServer(server.url), "alloy", tries=2, pause_s=0.01), tmp_path)
        assert len(server.asked) == 2


async def test_what_was_read_before_a_failure_stays(tmp_path: Path) -> None:
    async with serving(in_turn(saying(spoken()), saying(b"", 400))) as server:
        with pytest.raises(Unavailable, match="answered 400"):
            await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path, ["一", "二"])
    assert sum(kept(tmp_path / f"{at}.wav") is not None for at in range(2)) == 1


@pytest.mark.parametrize("failing", [saying(b"", 400), saying(write_wav(bytes(48_000), 24_000)), saying(spoken(30.0))])
async def test_text_that_a_server_cannot_read_leaves_the_others_to_it(tmp_path: Path, failing: Handler) -> None:
    async def all_but_one(request: web.Request) -> web.StreamResponse:
        is_bad = (await request.json())["input"] == "二"
        return await (failing if is_bad else saying(spoken()))(request)

    texts = [*"一二三四五六七八九"]
    async with serving(all_but_one) as server:
        with pytest.raises(Unavailable, match="asked for '二'"):
            await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path, texts)
    assert [kept(tmp_path / f"{at}.wav") is not None for at in range(9)] == [text != "二" for text in texts]


async def test_text_that_one_voice_cannot_read_leaves_the_other_voices_theirs(tmp_path: Path) -> None:
    async def all_but_one(request: web.Request) -> web.StreamResponse:
        is_bad = (await request.json())["input"] == "二"
        return await saying(b"" if is_bad else spoken(), 400 if is_bad else 200)(request)

    readings = [
        TtsRequest(text, Language.CANTONESE, tmp_path / f"{text}.wav", VoiceChoice(SpeechEngine.HTTP, name))
        for text, name in (("二", "alloy"), ("三", "nova"))
    ]
    async with serving(all_but_one) as server:
        voices = voices_ahead(VoiceSettings(dict.fromkeys(Language, VOICE), HttpVoice(server.url)))
        with pytest.raises(Unavailable, match="asked for '二'"):
            await asyncio.to_thread(voices.read, readings, lambda: None)
    assert kept(tmp_path / "三.wav") is not None


async def test_server_that_can_read_no_text_is_not_asked_for_all(tmp_path: Path) -> None:
    async with serving(saying(b"", 422)) as server:
        with pytest.raises(Unavailable, match="answered 422, asked for '字'; so did 4 more"):
            await read(HttpReader(VoiceServer(server.url), "alloy"), tmp_path, ["字"] * 100)
        assert len(server.asked) < 15


async def test_slow_server_is_not_waited_for_beyond_the_deadline(tmp_path: Path) -> None:
    is_over = asyncio.Event()

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not is_over.is_set():
            await response.write(b"R")
            await asyncio.sleep(0)
        return response

    async with asyncio.timeout(3):
        said = await told(dripping, tmp_path, VoiceServer("", within_s=0.3))
    is_over.set()
    assert said == "the voice at SERVER did not answer within 0.3 s, asked for '您好。'"


async def test_server_that_hangs_is_asked_once_since_a_start_waits_for_it(tmp_path: Path) -> None:
    is_over = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        await is_over.wait()
        return web.Response()

    async with serving(hanging) as server:
        reader = HttpReader(VoiceServer(server.url, within_s=0.3), "alloy", pause_s=0.0)
        with pytest.raises(Unavailable, match="did not answer within"):
            await read(reader, tmp_path)
        is_over.set()
        assert len(server.asked) == 1


async def test_server_that_is_away_is_named_without_the_secrets_of_its_address(tmp_path: Path) -> None:
    async with serving(saying(b"")) as server:
        url = server.url
    reader = HttpReader(VoiceServer(url.replace("//", "//me:hidden@") + "?token=hidden"), "alloy", tries=1)
    with pytest.raises(Unavailable) as failure:
        await read(reader, tmp_path)
    assert str(failure.value).startswith(f"the voice at {url} cannot be reached (")
    assert "hidden" not in str(failure.value)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (saying(b'{"error": "no such\nvoice"}', 404), """answered 404 ({"error": "no such voice"})"""),
        (saying(b"", 302, {"Location": "http://192.0.2.1/"}), "answered 302"),
        (saying(b"x" * 10_000, 400), f"answered 400 ({'x' * 200})"),
        (saying(b"ID3\x04rest"), "is not a WAV file but an MP3 file; it must know response_format wav"),
        (saying(b'{"audio": "..."}'), "is not a WAV file (no RIFF/WAVE at its start)"),
        (saying(b""), "is not a WAV file"),
        (saying(write_wav(b"", 24_000)), "has no samples"),
        (saying(write_wav(bytes(48_000), 24_000)), "gave nothing but silence"),
        (saying(spoken(20.0)), " s of sound for what takes at most 3.4 s"),
        (saying(write_wav(bytes(ANSWER_BYTES_MAX - 44), 1_000)), "gave 8388.6 s of sound for what takes at most 3.4 s"),
        (saying(bytes(ANSWER_BYTES_MAX + 1)), "gave more than 16 MB"),
    ],
)
async def test_answer_that_is_no_speech_is_told_in_its_words(tmp_path: Path, handler: Handler, said: str) -> None:
    assert said in await told(handler, tmp_path)


async def test_prompts_of_a_server_that_is_away_are_read_by_espeak_until_it_is_asked_again(tmp_path: Path) -> None:
    request = PromptRequest(PromptKey(PromptName("test.hello"), Language.CANTONESE), Text("您好。"), "test.toml")
    async with serving(in_turn(saying(b"", 402), saying(spoken(2.5)))) as server:
        voices = voices_ahead(VoiceSettings(dict.fromkeys(Language, VOICE), HttpVoice(server.url)))
        with capture_logs() as logs:
            instead = await asyncio.to_thread(render, [request], tmp_path, tmp_path, None, voices)
        (told,) = [log for log in logs if log["event"] == "espeak reads until the next reload or start"]
        assert told["texts"] == 1 and "answered 402" in told["reason"]
        assert 0.3 < len(instead[request.key]) / 16_000 < 1.8
        again = await asyncio.to_thread(render, [request], tmp_path, tmp_path, None, voices)
        assert len(again[request.key]) / 16_000 > 2.4
        assert len(server.asked) == 2


async def test_words_that_a_server_does_not_read_are_read_by_espeak_while_the_caller_waits(tmp_path: Path) -> None:
    async with serving(saying(b"", 503)) as server:
        speaker = RuntimeTts(VoiceSettings(dict.fromkeys(Language, VOICE), HttpVoice(server.url)), within_s=60.0)
        with capture_logs() as logs:
            pcm = await speaker.pcm(RuntimeText("您好", Language.CANTONESE))
        speaker.close()
        assert pcm is not None and len(pcm) > 4_000
        assert len(server.asked) == 1
        assert [log["event"] for log in logs] == ["espeak reads in the place of http"]


async def test_words_at_run_time_are_read_by_the_server(tmp_path: Path) -> None:
    async with serving(saying(spoken(1.5))) as server:
        speaker = RuntimeTts(VoiceSettings(dict.fromkeys(Language, VOICE), HttpVoice(server.url)), within_s=60.0)
        pcm = await speaker.pcm(RuntimeText("張三", Language.CANTONESE))
        speaker.close()
        assert pcm is not None and len(pcm) > 23_000
        assert server.asked[0]["input"] == "張三"


async def test_batch_that_is_asked_for_is_given_up_when_all_is_stopped(tmp_path: Path) -> None:
    is_asked = asyncio.Event()

    async def hanging(request: web.Request) -> web.Response:
        is_asked.set()
        await asyncio.sleep(60)
        return web.Response()

    async with serving(hanging) as server:
        service = HttpEngine(HttpVoice(server.url, within_s=60.0))
        reading = TtsRequest("您好。", Language.CANTONESE, tmp_path / "a.wav", VOICE)
        asked = asyncio.create_task(asyncio.to_thread(service.read, [reading], lambda: None))
        await is_asked.wait()
        service.stop()
        async with asyncio.timeout(30):
            with pytest.raises(EngineUnavailable, match="is stopped"):
                await asked
        with pytest.raises(EngineUnavailable, match="is stopped"):
            await asyncio.to_thread(service.read, [reading], lambda: None)
        assert len(server.asked) == 1


# --- the key ---


async def test_refused_key_names_its_file_and_is_itself_shown_nowhere(tmp_path: Path) -> None:
    async def repeating(request: web.Request) -> web.Response:
        return web.Response(status=401, text=f"wrong key: {request.headers['Authorization']}")

    with capture_logs() as logs:
        said = await told(repeating, tmp_path, VoiceServer("", key_file=key_file(tmp_path)))
    assert f"answered 401 (wrong key: Bearer ...); look whether the key in {tmp_path}/voice-key is right" in said
    assert KEY not in said + str(logs)


async def test_server_that_wants_a_key_says_where_it_is_to_be_named(tmp_path: Path) -> None:
    assert "answered 403; name the file of its key as key_file" in await told(saying(b"", 403), tmp_path)


async def test_redirect_is_not_followed_with_the_key(tmp_path: Path) -> None:
    async with (
        serving(saying(spoken())) as other,
        serving(saying(b"", 307, {"Location": other.url})) as server,
    ):
        with pytest.raises(Unavailable, match="answered 307"):
            await read(HttpReader(VoiceServer(server.url, key_file=key_file(tmp_path)), "alloy"), tmp_path)
        assert other.asked == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match=r"voice-key: is open to others than its owner; chmod 600") as refusal:
        read_key(key_file(tmp_path, mode=mode))
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("content", ["", "\n", f"{KEY}\n{KEY}\n", f"key {KEY}", "schlüssel", "a" * 5_000, "a\rb"])
def test_file_without_one_plain_key_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingsError, match="holds no key") as refusal:
        read_key(key_file(tmp_path, content))
    assert KEY not in str(refusal.value)


def test_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none: cannot be read: No such file"):
        read_key(tmp_path / "none")


async def test_key_is_read_anew_for_each_batch(tmp_path: Path) -> None:
    async with serving(saying(spoken())) as server:
        reader = HttpReader(VoiceServer(server.url, key_file=key_file(tmp_path, "first")), "alloy")
        await read(reader, tmp_path)
        key_file(tmp_path, "second")
        await read(reader, tmp_path)
        assert [headers["Authorization"] for headers in server.headers] == ["Bearer first", "Bearer second"]


# --- https ---


def secured() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOOPBACK)
    return context


async def test_https_is_spoken_with_a_server_whose_certificate_is_trusted(tmp_path: Path) -> None:
    async with serving(saying(spoken()), secured()) as server:
        trust = ssl.create_default_context(cafile=LOOPBACK)
        (pcm,) = await read(HttpReader(VoiceServer(server.url, trust=trust), "alloy"), tmp_path)
        assert pcm is not None


async def test_https_server_that_nobody_vouches_for_gets_neither_text_nor_key(tmp_path: Path) -> None:
    async with serving(saying(spoken()), secured()) as server:
        with pytest.raises(Unavailable, match="has a certificate that this machine does not trust"):
            await read(HttpReader(VoiceServer(server.url, key_file=key_file(tmp_path)), "alloy"), tmp_path)
        assert server.asked == []


async def test_readings_may_be_asked_for_from_several_threads(tmp_path: Path) -> None:
    async with serving(saying(spoken())) as server:
        reader = HttpReader(VoiceServer(server.url), "alloy", tries=1)

        async def one(at: int) -> list[bytes | None]:
            directory = tmp_path / str(at)
            directory.mkdir()
            return await read(reader, directory)

        found = await asyncio.gather(*(one(at) for at in range(8)))
        assert all(pcm is not None for (pcm,) in found)
