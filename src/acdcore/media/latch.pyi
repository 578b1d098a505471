from acdcore.kernel.address import Address

class Latch:
    def connect(
        self,
        address: Address,
        now_ns: int,
        *,
        has_nat: bool = True,
        is_symmetric: bool = True,
        sip_host: str | None = None,
        talks: bool = True,
        learning_ns: int = 10_000_000_000,
    ) -> bool: ...
    def hear(
        self,
        address: Address,
        ssrc: int,
        sequence: int,
        now_ns: int,
        *,
        heard_ns: int = -1,
        is_carried_on: bool = False,
    ) -> bool: ...
    @property
    def source(self) -> Address | None: ...
    @property
    def target(self) -> Address: ...
