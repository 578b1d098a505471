"""An agent's softphone made of baresip; see `softphone.py` for its orders and events."""

import asyncio
import json
import sys
import threading
from dataclasses import dataclass

from baresip import Account, Call, Config, Runtime, UserAgent
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError
from baresip.events import Event, StackEvent
from bench.sound import tone
from tests.wire.reports import orders, report

TICK_S = 0.02
AHEAD_BYTES = 3_200
"""How far the microphone runs ahead of the phone's clock: 200 ms."""
PRESS = "press "


@dataclass(slots=True)
class Talk:
    """The call that the phone is in."""

    call: Call | None = None


async def pump(talk: Talk, tone_hz: float) -> None:
    """Speak the tone and report what is heard, for as long as the phone runs."""
    source, position = tone(tone_hz), 0
    while True:
        await asyncio.sleep(TICK_S)
        if talk.call is None:
            continue
        try:
            info = talk.call.audio.info()
            if info.tx_ready:
                wanted = max(0, AHEAD_BYTES - info.tx_buffered)
                twice = source + source
                position = (position + talk.call.audio.write(twice[position : position + wanted])) % len(source)
            heard = talk.call.audio.read(16_000) if info.rx_ready else b""
        except (AudioNotActive, AudioRestarted):
            continue
        if heard:
            report("audio", pcm=heard)


async def carry_out(order: str, agent: UserAgent, talk: Talk) -> None:
    """One order; raises BaresipError, and RuntimeError when there is no call."""
    if order == "register":
        await agent.register()
        return
    if order == "unregister":
        await agent.unregister()
        return
    if talk.call is None:
        raise RuntimeError("no call")
    match order:
        case "answer":
            await talk.call.answer()
        case "reject":
            await talk.call.reject()
        case "hold":
            await talk.call.hold()
        case "resume":
            await talk.call.resume()
        case "hang_up":
            await talk.call.hangup()
        case _ if order.startswith(PRESS):
            await talk.call.send_dtmf(order.removeprefix(PRESS))
        case _:
            raise RuntimeError(f"baresip cannot {order}")


async def main() -> None:
    """Run until stdin ends."""
    told = json.loads(sys.argv[1])
    talk = Talk()
    runtime = Runtime()
    await runtime.start(Config(net_interface="127.0.0.1", extra_config_text="sip_listen 127.0.0.1:0\n"))
    account = Account(
        told["user"], told["server"], told["password"], transport=told["transport"], audio_codecs=("pcma", "pcmu")
    )
    agent = await UserAgent.create(runtime, account)

    def on_event(event: StackEvent) -> None:
        if event.event is Event.CALL_ESTABLISHED:
            report("established")
        elif event.event is Event.CALL_CLOSED:
            report("closed", event.text or "")
            talk.call = None

    def on_incoming(call: Call) -> None:
        talk.call = call
        report("incoming", call.peer or "")

    agent.on_incoming(on_incoming)
    runtime.subscribe(on_event)
    pumping = asyncio.create_task(pump(talk, told["tone_hz"]))
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str] = asyncio.Queue()
    threading.Thread(
        target=lambda: [loop.call_soon_threadsafe(queue.put_nowait, order) for order in orders()], daemon=True
    ).start()
    report("ready")
    while True:
        order = await queue.get()
        try:
            await carry_out(order, agent, talk)
        except (BaresipError, RuntimeError) as error:
            report("failed", f"{type(error).__name__}: {error}")
        else:
            report("done")
    await pumping


if __name__ == "__main__":
    asyncio.run(main())
