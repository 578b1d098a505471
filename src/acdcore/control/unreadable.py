"""What cannot be read as HTTP: an answer in the one shape of errors, a line in the access log, and nothing raised.

aiohttp answers such requests before there is an application, and so before middlewares; it would log each with a
traceback, which a port that strangers reach cannot have.
"""

from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from acdcore.control.access import IS_UNREADABLE, log
from acdcore.control.app import SECURITY_HEADERS, error_response, internal_error
from acdcore.control.errors import ApiError

HEAD_LINE_BYTES_MAX = 8190
"""aiohttp's own, named here because the answer says it: cookies and long keys have some hundreds."""


class ReadingHandler(web.RequestHandler):
    """aiohttp's handler of one connection, with answers of ours where no request came about."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Read on; a fault of the parser's that it does not own up to ends the connection, and nothing else."""
        try:
            super().data_received(data)
        except Exception as error:
            log().warning("http_unreadable", kind=type(error).__name__)
            self.force_close()

    def log_exception(self, *args: object, **fields: object) -> None:
        """A fault that aiohttp found by itself; a peer's broken body, which `read_body` has answered, is none."""
        if not isinstance(fields.get("exc_info"), web.RequestPayloadError):
            log().error("http_fault", exc_info=fields.get("exc_info"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer where aiohttp found an error by itself; it raises ConnectionError when one is on its way already.

        `message` may hold what the peer has sent, secrets too: neither the answer nor the log repeats it.
        """
        request[IS_UNREADABLE] = True
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if isinstance(exc, HttpProcessingError):
            response = error_response(unreadable(exc))
        elif isinstance(exc, Exception):
            response = internal_error(request, exc)
        else:
            response = error_response(
                ApiError(HTTPStatus(status), "unreadable", "the request took too long; send it anew")
            )
        response.headers.update(SECURITY_HEADERS)
        response.force_close()
        return response


def unreadable(error: HttpProcessingError) -> ApiError:
    """What is wrong with a request that is none."""
    if isinstance(error, LineTooLong):
        message = (
            f"a line of the head is longer than {HEAD_LINE_BYTES_MAX} bytes; send shorter headers, or a shorter URL"
        )
        return ApiError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_long", message)
    message = (
        "this cannot be read as a request of HTTP/1.1; check the request line and the headers, and send no TLS here"
    )
    return ApiError(HTTPStatus.BAD_REQUEST, "unreadable", message)
