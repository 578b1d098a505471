"""The account that a digest server is asked about."""

from acdcore.sip.auth.digest import Accounts
from acdcore.sip.auth.digest_values import ALGORITHMS, Algorithm, digest_ha1

REALM = "acd.example.com"


class OneAccount(Accounts):
    """A user with a password; every user has the same algorithms."""

    def __init__(
        self,
        algorithms: tuple[Algorithm, ...] = ALGORITHMS,
        user: str = "1001",
        password: str = "pass",
        realm: str = REALM,
    ) -> None:
        self._algorithms = algorithms
        self._ha1 = {(user, name): digest_ha1(user, realm, password, name) for name in ALGORITHMS}

    def algorithms(self, user: str) -> tuple[Algorithm, ...]:
        return self._algorithms

    def ha1(self, user: str, algorithm: Algorithm) -> str | None:
        return self._ha1.get((user, algorithm))
