"""Answers data that cannot be read as HTTP by an error in the usual shape and a line in the access log.

aiohttp answers such requests before the application and its middlewares. It would log each with a traceback, and on a
port that strangers can reach that would fill the log.
"""

from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from acdcore.control.access import IS_UNREADABLE, log
from acdcore.control.app import SECURITY_HEADERS, error_response, internal_error
from acdcore.control.errors import ApiError

HEAD_LINE_BYTES_MAX = 8190
"""aiohttp's own limit, named here because the answer states it; cookies and long keys have some hundred bytes."""


class ReadingHandler(web.RequestHandler):
    """aiohttp's handler of one connection, with our own answers to data that is not a request."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Parse more data; an unexpected error of the parser ends this connection only."""
        try:
            super().data_received(data)
        except Exception as error:
            log().warning("http_unreadable", kind=type(error).__name__)
            self.force_close()

    def log_exception(self, *args: object, **fields: object) -> None:
        """Log an error that aiohttp found by itself, except a peer's broken body, which `read_body` has answered."""
        if not isinstance(fields.get("exc_info"), web.RequestPayloadError):
            log().error("http_fault", exc_info=fields.get("exc_info"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to an error that aiohttp found by itself; raises ConnectionError when an answer was begun already.

        `message` may contain what the peer has sent, also secrets: neither the answer nor the log repeats it.
        """
        request[IS_UNREADABLE] = True
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if isinstance(exc, HttpProcessingError):
            response = error_response(unreadable(exc))
        elif isinstance(exc, Exception):
            response = internal_error(request, exc)
        else:
            response = error_response(
                ApiError(HTTPStatus(status), "unreadable", "the request took too long; send it again")
            )
        response.headers.update(SECURITY_HEADERS)
        response.force_close()
        return response


def unreadable(error: HttpProcessingError) -> ApiError:
    """The message for data that cannot be read as a request."""
    if isinstance(error, LineTooLong):
        message = (
            f"a line of the head is longer than {HEAD_LINE_BYTES_MAX} bytes; send shorter headers, or a shorter URL"
        )
        return ApiError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_long", message)
    message = (
        "this cannot be read as a request of HTTP/1.1; check the request line and the headers, and send no TLS here"
    )
    return ApiError(HTTPStatus.BAD_REQUEST, "unreadable", message)
