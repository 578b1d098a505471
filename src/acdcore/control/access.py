"""The access log: client, route and status of each request, without secrets and without personal data."""

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from prometheus_client import CollectorRegistry, Counter

BY = web.RequestKey("by", str)
"""The name of the client's key; missing until the key was checked."""
IS_UNREADABLE = web.RequestKey("is_unreadable", bool)
"""Set when the data could not be parsed as a request, so that no route was looked up."""


def access_log(registry: CollectorRegistry) -> type[AbstractAccessLogger]:
    """The logger class for aiohttp, which makes one object per connection; all objects share the counter."""
    counter = Counter("acdcore_http_requests", "Answered requests.", ["method", "path", "status"], registry=registry)

    class AccessLog(AbstractAccessLogger):
        """aiohttp calls it after the answer was sent, with the status that was really sent."""

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
    """The route's path template, which contains no personal data; empty when no route fits.

    A request that cannot be parsed as HTTP has no route.
    """
    if not isinstance(request, web.Request) or request.get(IS_UNREADABLE):
        return ""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def log() -> structlog.stdlib.BoundLogger:
    """The logger of this module, as the program has configured logging."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("acdcore.control")
    return logger
