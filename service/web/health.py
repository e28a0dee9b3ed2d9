"""Health and metrics, the same on every process."""

import os
import threading
from collections.abc import Iterator

import structlog
from flask import Blueprint, Flask, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from service.documents import dumps
from service.errors import InvalidInput, Unavailable
from service.health import FAIL, PASS, Health, figures

log = structlog.get_logger()

EXTENSION = "marketable-health"
HEALTH_JSON = "application/health+json"

blueprint = Blueprint("health", __name__)


def install(application: Flask, health: Health) -> None:
    """Say what the routes of an application answer from."""
    application.extensions[EXTENSION] = health


def create_health_app(health: Health) -> Flask:
    """Make an application of these routes alone, for processes that serve nothing else."""
    application = Flask("marketable-health", static_folder=None)
    install(application, health)
    application.register_blueprint(blueprint)
    return application


class HealthServer:
    """Answers these routes from a thread of its own."""

    def __init__(self, health: Health, host: str, port: int, *, must: bool) -> None:
        """Listen at once; with `must` false on another port when this one is taken. Raises InvalidInput."""
        application = create_health_app(health)
        self._server = _listen(application, host, port, must=must)
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _listen(application: Flask, host: str, port: int, *, must: bool) -> BaseWSGIServer:
    try:
        return make_server(host, port, application, threaded=True, request_handler=_QuietHandler)
    except SystemExit as refusal:
        if must:
            mend = "choose another with MARKETABLE_HEALTH_PORT"
            raise InvalidInput(f"port {port} on {host} for health is taken", mend=mend) from refusal
    log.warning("health_port_taken", port=port)
    return make_server(host, 0, application, threaded=True, request_handler=_QuietHandler)


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object, **__: object) -> None:
        """Log no requests: health is asked for every few seconds."""


@blueprint.get("/health/live")
def live() -> Response:
    """Answer 200 as long as the process answers at all."""
    return _answer({"status": PASS}, 200)


@blueprint.get("/health/ready")
def ready() -> Response:
    """Answer 200 when the process can do its work, 503 with the reason when not."""
    is_ready, reason = _health().is_ready()
    return _answer({"status": PASS}, 200) if is_ready else _answer({"status": FAIL, "output": reason}, 503)


@blueprint.get("/health")
def report() -> Response:
    """Answer with every check; 503 when one fails."""
    checks = _health().report()
    return _answer(checks, 503 if checks["status"] == FAIL else 200)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(_health()))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
        text = generate_latest(registry)
    else:
        text = generate_latest(REGISTRY) + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Gauges that are read from the database when they are asked for: right in whichever process answers."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        try:
            read = figures(self._health.database, self._health.now())
        except Unavailable:
            yield GaugeMetricFamily("marketable_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("marketable_database_up", "Whether the database answers.", 1)
        yield GaugeMetricFamily("marketable_outbox_entries", "Entries to publish.", read.outbox_entries)
        yield GaugeMetricFamily("marketable_outbox_age_seconds", "Age of the oldest entry.", read.outbox_age)
        yield GaugeMetricFamily(
            "marketable_workflow_due_age_seconds",
            "How long the contact has waited that has waited longest for workflows.",
            read.workflows_age,
        )
        count = GaugeMetricFamily("marketable_billing_count", "Marketing contacts now.", labels=["portal"])
        tier = GaugeMetricFamily("marketable_tier", "Marketing contacts paid for.", labels=["portal"])
        for portal_id, (contacts, paid) in read.counts.items():
            count.add_metric([str(portal_id)], contacts)
            tier.add_metric([str(portal_id)], paid)
        held = GaugeMetricFamily("marketable_held_raises", "Raises that a brake holds.", labels=["portal"])
        for portal_id, waiting in read.held.items():
            held.add_metric([str(portal_id)], waiting)
        yield count
        yield tier
        yield held


def _health() -> Health:
    health: Health = current_app.extensions[EXTENSION]
    return health


def _answer(document: dict[str, object], status: int) -> Response:
    answer = Response(dumps(document), status=status, content_type=HEALTH_JSON)
    answer.headers["Cache-Control"] = "no-store"
    return answer
