"""Puts the web process together."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config.settings import Settings
from service import __version__
from service.activity import ActivityLog
from service.committer import Committer
from service.configuration import Configuration
from service.health import Health
from service.instants import utc_now
from service.intake import Intake
from service.providers.catalogue import load_catalogue
from service.reception import Reception
from service.refused import RefusedDeliveries
from service.store.session import Database
from service.vault import vault_of
from service.web import collect, health, hooks, limits, problems
from service.web.api import (
    audit,
    billing,
    billing_outlook,
    billing_release,
    brakes,
    contacts,
    defaults,
    deliveries,
    endpoints,
    external_forms,
    held,
    import_files,
    imports,
    jobs,
    me,
    people,
    providers,
    rereading,
    search,
    specification,
    statements,
    subscription,
    views,
    workflows,
)
from service.web.hubspot import submissions
from service.web.services import Services, install

PARTS = (
    audit,
    billing,
    billing_outlook,
    billing_release,
    brakes,
    contacts,
    defaults,
    deliveries,
    endpoints,
    external_forms,
    held,
    import_files,
    imports,
    jobs,
    me,
    people,
    providers,
    rereading,
    search,
    statements,
    subscription,
    views,
    workflows,
)
"""Of our own API."""
PATIENCE = 2.0
"""Seconds that the database may take for a look-up before a request is answered 503."""


def open_services(settings: Settings, now: Callable[[], datetime] = utc_now) -> Services:
    """Make the parts of a web process; nothing is opened before its first use."""
    database = Database(settings.database, patience=PATIENCE)
    configuration = Configuration(database, lambda: vault_of(settings))
    committer = Committer(
        lambda: Intake(database, configuration, now),
        timeout=settings.commit_timeout,
        waiting_limit=settings.waiting_limit,
    )
    catalogue = load_catalogue(settings.own_providers)
    return Services(
        settings,
        database,
        configuration,
        committer,
        now,
        catalogue,
        Reception(configuration, catalogue, committer.record_all),
        RefusedDeliveries(database, configuration.vault),
        ActivityLog(database),
    )


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Make the application; opens no connection before the first request."""
    settings = settings or Settings.from_environment()
    services = services or open_services(settings)
    application = Flask("marketable", static_folder=None)
    application.config.update(
        API_TITLE="Marketable",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=specification.FOR_ALL,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        MAX_FORM_PARTS=1_001,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        proxied = ProxyFix(application.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
        application.wsgi_app = proxied  # type: ignore[method-assign]
    install_parts(application, services)
    application.register_blueprint(health.blueprint)
    application.register_blueprint(submissions.blueprint)
    application.register_blueprint(hooks.blueprint)
    application.register_blueprint(collect.blueprint)
    api = specification.DescribedApi(application)
    for part in PARTS:
        api.register_blueprint(part.blueprint)
    problems.install(application)
    return application


def install_parts(application: Flask, services: Services) -> None:
    """Give an application its parts, in place of those that it had."""
    install(application, services)
    health.install(application, Health("web", services.database, services.now))
    limits.reset(application)
