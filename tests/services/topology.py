"""The exchanges and queues of one test on a shared broker: named after the run, deleted after the test."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.rabbitmq import BROKER_ERRORS, connected
from tests.services.run import Run

EXCHANGES = ("status", "dead")
DELETE_SECONDS = 10
QUEUES = ("billing-count", "billing-count.dead")


@dataclass(frozen=True, slots=True)
class Topology:
    """The names that a test may declare. What it declares besides the usual ones, it adds here.

    While it lasts it is written down in `journal`, so that the run's end, or a later run, can delete what a
    killed worker could not. Without a journal (the in-memory broker) there is nothing to delete.
    """

    prefix: str
    broker_url: str
    journal: Path | None = None
    exchanges: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.prefix

    def add(self, *, exchanges: Sequence[str] = (), queues: Sequence[str] = ()) -> None:
        """Have these deleted too; their names begin with the prefix and a dot."""
        for name in (*exchanges, *queues):
            if not name.startswith(f"{self.prefix}."):
                raise ValueError(f"{name} does not begin with {self.prefix}. and may belong to somebody else")
        self.exchanges.extend(exchanges)
        self.queues.extend(queues)
        self._write()

    def delete(self) -> None:
        """Delete all of it from the broker; what was never declared is no error there."""
        if self.journal is None:
            return
        with connected(self.broker_url, patience=DELETE_SECONDS) as connection:
            channel = connection.channel()
            for queue in self.queues:
                channel.queue_delete(queue)
            for exchange in self.exchanges:
                channel.exchange_delete(exchange)
        self.journal.unlink(missing_ok=True)

    def _write(self) -> None:
        if self.journal:
            lines = {"broker_url": self.broker_url, "exchanges": self.exchanges, "queues": self.queues}
            self.journal.write_text(json.dumps(lines))


def new_topology(run: Run, broker_url: str, *, journaled: bool) -> Topology:
    prefix = f"{run.topology_prefix}-{next(run.numbers)}"
    journal = run.common_folder("topologies") / f"{prefix}.json" if journaled else None
    topology = Topology(prefix, broker_url, journal)
    exchanges = [f"{prefix}.{name}" for name in EXCHANGES]
    topology.add(exchanges=exchanges, queues=[f"{prefix}.{name}" for name in QUEUES])
    return topology


def delete_topologies_of(run: Run) -> None:
    """Delete what the run's journals still name, from those brokers that answer."""
    for journal in (run.folder / "topologies").glob("*.json"):
        lines = json.loads(journal.read_text())
        topology = Topology(journal.stem, lines["broker_url"], journal, lines["exchanges"], lines["queues"])
        with suppress(*BROKER_ERRORS):
            topology.delete()
