"""An agent's softphone made of PJSUA; see `softphone.py` for its orders and events."""

import json
import sys
import threading
from collections import deque

import pjsua2 as pj  # type: ignore[import-untyped]
from bench.sound import tone
from tests.wire.reports import orders, report

TICK_MS = 20
FRAME_SAMPLES = 160


class Headset(pj.AudioMediaPort):  # type: ignore[misc]
    """Microphone and ear: speaks a tone, reports what is heard."""

    def __init__(self, tone_hz: float) -> None:
        super().__init__()
        self._source = tone(tone_hz)
        self._position = 0

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:
        twice = self._source + self._source
        chunk = twice[self._position : self._position + frame.size]
        self._position = (self._position + len(chunk)) % len(self._source)
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = pj.ByteVector(chunk)

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO:
            report("audio", pcm=bytes(frame.buf))


class Talk(pj.Call):  # type: ignore[misc]
    """One call."""

    def __init__(self, phone: "Phone", call_id: int) -> None:
        super().__init__(phone, call_id)
        self._phone = phone

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            report("established")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            report("closed", info.lastReason)
            self._phone.ended.append(self)  # kept: the library still uses it until this returns
            self._phone.talk = None

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        info = self.getInfo()  # kept in a name: its parts do not keep it alive
        for place in range(len(info.media)):
            media = info.media[place]
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(place)
                self._phone.headset.startTransmit(audio)
                audio.startTransmit(self._phone.headset)


class Phone(pj.Account):  # type: ignore[misc]
    """One account with at most one call."""

    def __init__(self, headset: Headset) -> None:
        super().__init__()
        self.headset = headset
        self.talk: Talk | None = None
        self.ended: list[Talk] = []

    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        report("registered" if self.getInfo().regIsActive else "unregistered", str(prm.code))

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self.talk = Talk(self, prm.callId)
        report("incoming", self.talk.getInfo().remoteUri)


def carry_out(order: str, phone: Phone) -> None:
    """One order; raises pj.Error, and RuntimeError when there is no call."""
    if order in ("register", "unregister"):
        phone.setRegistration(order == "register")
        return
    if phone.talk is None:
        raise RuntimeError("no call")
    settings = pj.CallOpParam(True)
    match order:
        case "ring":
            settings.statusCode = pj.PJSIP_SC_RINGING
            phone.talk.answer(settings)
        case "answer":
            settings.statusCode = pj.PJSIP_SC_OK
            phone.talk.answer(settings)
        case "reject":
            settings.statusCode = pj.PJSIP_SC_DECLINE
            phone.talk.hangup(settings)
        case "hold":
            phone.talk.setHold(settings)
        case "resume":
            settings.opt.flag = pj.PJSUA_CALL_UNHOLD
            phone.talk.reinvite(settings)
        case "hang_up":
            phone.talk.hangup(settings)
        case _:
            raise RuntimeError(f"PJSUA cannot {order}")


def started(transport: str) -> tuple[pj.Endpoint, int]:
    """The library, without a sound card and without threads: all callbacks come on the main thread."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = 0
    settings.logConfig.consoleLevel = 0
    settings.medConfig.clockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    where = pj.TransportConfig()
    where.boundAddress = "127.0.0.1"
    kind = pj.PJSIP_TRANSPORT_TCP if transport == "tcp" else pj.PJSIP_TRANSPORT_UDP
    number = endpoint.transportCreate(kind, where)
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 200 if codec.codecId.startswith(("PCMA", "PCMU")) else 0)
    return endpoint, number


def account(told: dict[str, str], transport: int) -> pj.AccountConfig:
    """The account, not yet registered."""
    suffix = ";transport=tcp" if told["transport"] == "tcp" else ""
    settings = pj.AccountConfig()
    settings.idUri = f"sip:{told['user']}@{told['server']}"
    settings.regConfig.registrarUri = f"sip:{told['server']}{suffix}"
    settings.regConfig.registerOnAdd = False
    settings.sipConfig.transportId = transport
    settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", told["user"], 0, told["password"]))
    settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    settings.mediaConfig.transportConfig.port = 0
    return settings


def main() -> None:
    """Run until stdin ends."""
    told = json.loads(sys.argv[1])
    endpoint, transport = started(told["transport"])
    headset = Headset(told["tone_hz"])
    layout = pj.MediaFormatAudio()
    layout.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, TICK_MS * 1000, 16)
    headset.createPort("headset", layout)
    phone = Phone(headset)
    phone.create(account(told, transport))
    waiting: deque[str] = deque()
    threading.Thread(target=lambda: waiting.extend(orders()), daemon=True).start()
    report("ready")
    while True:
        endpoint.libHandleEvents(TICK_MS)
        if not waiting:
            continue
        try:
            carry_out(waiting.popleft(), phone)
        except (pj.Error, RuntimeError) as error:
            report("failed", f"{type(error).__name__}: {getattr(error, 'reason', error)}")
        else:
            report("done")


if __name__ == "__main__":
    main()
