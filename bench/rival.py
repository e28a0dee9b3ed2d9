"""Sets up the hand-written version: its database, and gunicorn's worker class that it does better under."""

from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from bench.handwritten import DATABASE_VARIABLE, POOL_VARIABLE, Base, Form, Portal
from bench.load import run_load
from bench.plan import MOST_RATE, Plan
from bench.processes import WebServer
from bench.stage import Stage, bench_form, say
from bench.traffic import FORM_GUID, PORTAL_ID, QUIET_FORM_GUID, Traffic
from service.domain.forms import DEFAULT_THANKS

TRIAL_NUMBERS = 1_000_000_000
"""First number of the visitors of a trial, far from all others."""
APPLICATION = "bench.handwritten:create_app()"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to serve it."""

    name: str
    options: tuple[str, ...]
    pool: int
    """Connections of each worker process."""


VARIANTS = (
    Variant("gthread, 32 threads", ("--worker-class", "gthread", "--threads", "32"), 32),
    Variant("gevent", ("--worker-class", "gevent"), 16),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The better variant, running."""

    server: WebServer
    note: str


def make_database(url: str, stack: ExitStack) -> Engine:
    """Make the tables with the portal and the forms of the bench."""
    engine = create_engine(url)
    stack.callback(engine.dispose)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Portal(id=PORTAL_ID, name="Bench"))
        session.flush()
        session.add_all([_form(FORM_GUID, default=True), _form(QUIET_FORM_GUID, default=False)])
        session.commit()
    return engine


def _form(guid: str, *, default: bool) -> Form:
    fields = bench_form().fields.values()
    return Form(
        portal_id=PORTAL_ID,
        guid=UUID(guid),
        field_names=[rule.name for rule in fields],
        required=[rule.name for rule in fields if rule.required],
        marketing_default=default,
        thanks=DEFAULT_THANKS,
    )


def start_better(stage: Stage, stack: ExitStack, database: Engine, plan: Plan) -> Chosen:
    """Try each variant for two moments and leave the better one running."""
    rates = dict.fromkeys(VARIANTS, 0.0)
    for number, variant in enumerate(VARIANTS * 2, start=1):
        with _start(stage, variant, database, plan) as server:
            rate = _try(server, plan, Traffic(number * TRIAL_NUMBERS))
        say(f"hand-written under {variant.name}: {rate:.0f}/s")
        rates[variant] = max(rates[variant], rate)
    best = max(VARIANTS, key=lambda variant: rates[variant])
    tried = ", ".join(f"{variant.name} {rate:.0f}/s" for variant, rate in rates.items())
    server = stack.enter_context(_start(stage, best, database, plan))
    return Chosen(server, f"hand-written runs under {best.name} (tried: {tried})")


def _start(stage: Stage, variant: Variant, database: Engine, plan: Plan) -> WebServer:
    url = database.url.render_as_string(hide_password=False)
    settings = {DATABASE_VARIABLE: url, POOL_VARIABLE: variant.pool, "MARKETABLE_DATABASE_URL": url}
    return WebServer(stage, "hand-written", APPLICATION, plan.workers, *variant.options, **settings)


def _try(server: WebServer, plan: Plan, traffic: Traffic) -> float:
    requests = traffic.new(int(MOST_RATE * (plan.warm_up + plan.seconds)))
    connections = plan.connections[0]
    result = run_load(
        server.port, requests, connections=connections, warm_up=plan.warm_up, seconds=plan.seconds / 2
    )
    return result.rate
