"""Rate limits over a moving window of ten seconds, counted in each web process by itself."""

import ipaddress
import math
import time

from flask import Flask, current_app
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.errors import TooManyRequests
from service.web.services import services

WINDOW = 10
"""Seconds."""
_EXTENSION = "marketable.submission_limits"


class RateLimit:
    """So many requests per window for each key; 0 is no limit, and costs nothing."""

    def __init__(self, requests: int) -> None:
        self._limit = RateLimitItemPerSecond(requests, WINDOW) if requests else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage()) if requests else None

    @property
    def is_on(self) -> bool:
        """Whether anything is limited."""
        return self._limiter is not None

    def check(self, *key: object) -> None:
        """Count one request of this key, or raise TooManyRequests; one that is refused is not counted."""
        if self._limiter is None or self._limit is None:
            return
        identifiers = [str(part) for part in key]
        if not self._limiter.hit(self._limit, *identifiers):
            free_at = self._limiter.get_window_stats(self._limit, *identifiers).reset_time
            raise TooManyRequests(min(WINDOW, max(1, math.ceil(free_at - time.time()))))


class SubmissionLimits:
    """The limits of the ways to submit."""

    def __init__(self, public: int, secure: int) -> None:
        self.public = RateLimit(public)
        """By portal and client address."""
        self.secure = RateLimit(secure)
        """By access token."""


def reset(application: Flask) -> None:
    """Begin to count anew."""
    application.extensions.pop(_EXTENSION, None)


def submission_limits() -> SubmissionLimits:
    """Return the limits of the current app in this process; they are made by its first request."""
    limits = current_app.extensions.get(_EXTENSION)
    if limits is None:
        settings = services().settings
        made = SubmissionLimits(settings.rate_limit_public, settings.rate_limit_secure)
        limits = current_app.extensions.setdefault(_EXTENSION, made)
    assert isinstance(limits, SubmissionLimits)  # noqa: S101 - tells the type
    return limits


def network_of(address: str | None) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network that an IPv6 client has whole."""
    if address is None or ":" not in address:
        return address or ""
    try:
        given = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(given.ipv4_mapped or ipaddress.IPv6Network((given.packed[:8] + bytes(8), 64)))
