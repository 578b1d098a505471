"""What a digest client sends after one challenge."""

from collections.abc import Iterable

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.syntax.uri import OtherUri


def authorised(client: DigestClient, challenges: Iterable[str], method: str, uri: str, ids: IdSource) -> str:
    """The Authorization with which the client answers these challenges of one realm."""
    request = Request(method, OtherUri("sip", uri), Headers())
    response = Response(401, "Unauthorized", Headers([("WWW-Authenticate", value) for value in challenges]))
    assert client.answers(request, response, ids, is_first=True), "no challenge that the client can answer"
    ((_, value),) = client.credentials(method, uri)
    return value
