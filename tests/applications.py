"""Web applications for tests. Making one takes longer than most tests; so one is made, and lent with other parts."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from config.settings import Settings
from service.app import create_app, install_parts
from service.web.services import Services

_FREE: defaultdict[tuple[int, int], list[Flask]] = defaultdict(list)
"""Applications that nobody uses now, by those settings that an application is made with."""


@contextmanager
def application(settings: Settings, services: Services) -> Iterator[Flask]:
    """Lend an application that is made of these parts, for this test alone."""
    free = _FREE[settings.max_body_bytes, settings.trusted_proxies]
    lent = free.pop() if free else create_app(settings, services)
    install_parts(lent, services)
    try:
        yield lent
    finally:
        free.append(lent)
