from acdcore.media.model import EngineCodec

LOWERED_DB: float
RAMP_SAMPLES: int

class Overlay:
    def mix(self, music: bytes, prompt: bytes | None, codec: EngineCodec) -> bytes: ...
