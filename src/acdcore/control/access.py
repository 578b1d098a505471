"""The access log: who asked what, and what came of it, without secrets and without personal data."""

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from prometheus_client import CollectorRegistry, Counter

BY = web.RequestKey("by", str)
"""The name of the client's key, once known."""
IS_UNREADABLE = web.RequestKey("is_unreadable", bool)
"""Set where what came could not be read as a request, and so was never looked up among the routes."""


def access_log(registry: CollectorRegistry) -> type[AbstractAccessLogger]:
    """A class for aiohttp, which makes one object of it per connection; the counter is shared by all of them."""
    counter = Counter("acdcore_http_requests", "Answered requests.", ["method", "path", "status"], registry=registry)

    class AccessLog(AbstractAccessLogger):
        """Called when the answer is out, with the status that was really sent."""

        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            path = request_path(request)
            counter.labels(request.method if path else "any", path or "unknown", str(response.status)).inc()
            log().info(
                "http_request",
                method=request.method,
                path=path or "unknown",
                status=response.status,
                by=request.get(BY, ""),
                peer=request.remote,
                took_ms=round(time * 1000, 1),
            )

    return AccessLog


def request_path(request: web.BaseRequest) -> str:
    """The route's template, which names no person and is one of a few; empty when nothing is there.

    What cannot even be parsed as HTTP is a request without a route.
    """
    if not isinstance(request, web.Request) or request.get(IS_UNREADABLE):
        return ""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def log() -> structlog.stdlib.BoundLogger:
    """The logger of this room, as the program has configured logging."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("acdcore.control")
    return logger
