"""What the views call: made once for each application, found through the current one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flask import Flask, current_app

from service.activity import ActivityLog
from service.committer import Committer
from service.configuration import Configuration
from service.providers.catalogue import Catalogue
from service.reception import Reception
from service.refused import RefusedDeliveries
from service.store.session import Database

EXTENSION = "marketable"


class WebSettings(Protocol):
    """The settings that views go by."""

    @property
    def max_body_bytes(self) -> int:
        """Largest request body that is read, in bytes."""

    @property
    def max_upload_bytes(self) -> int:
        """Largest multipart body that an endpoint takes, in bytes."""

    @property
    def max_import_bytes(self) -> int:
        """Largest file to import, in bytes."""

    @property
    def public_url(self) -> str:
        """Where senders reach this service; empty for what each request says."""

    @property
    def rate_limit_public(self) -> int:
        """Submissions per 10 s from one address to one portal; 0 for no limit."""

    @property
    def rate_limit_secure(self) -> int:
        """Submissions per 10 s with one access token; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one web process."""

    settings: WebSettings
    database: Database
    configuration: Configuration
    committer: Committer
    now: Callable[[], datetime]
    catalogue: Catalogue
    reception: Reception
    refused: RefusedDeliveries
    activity: ActivityLog

    def close(self) -> None:
        """Record what waits and close the database."""
        self.committer.close()
        self.activity.close()
        self.database.dispose()


def install(application: Flask, services: Services) -> None:
    """Give an application its parts."""
    application.extensions[EXTENSION] = services


def services() -> Services:
    """Return the parts of the current application."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def let_others_work(_number: int) -> None:
    """Let the worker's other requests have their turn between two pages of long work."""
    time.sleep(0)
