"""The grown-up stack: web, relay, clock and consumer as processes of their own, on PostgreSQL and RabbitMQ."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.client import ask, sample
from tests.e2e.installation import Installation, Running, is_running
from tests.e2e.waiting import eventually

COMMANDS = {
    "web": ("web",),
    "relay": ("relay",),
    "clock": ("clock",),
    "consumer": ("consume", "billing-count"),
}


@dataclass(slots=True)
class GrownUp:
    """Processes by name, each with a health port of its own; the web process answers on the installation's."""

    installation: Installation
    free_port: Callable[[], int]
    running: dict[str, Running] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        return self.installation.settings["MARKETABLE_DATABASE_URL"]

    @property
    def port(self) -> int:
        """Where submissions go."""
        return self.installation.port

    def start(self, *names: str, **settings: str) -> None:
        """Start these, all at once, and return when they are ready; a further one is named `relay-2`."""
        self.launch(*names, **settings)
        for name in names:
            self.installation.ready(self.running[name], self.ports[name])

    def launch(self, *names: str, **settings: str) -> None:
        """Start these and return at once."""
        for name in names:
            if name not in self.ports:
                self.ports[name] = self.port if name == "web" else self.free_port()
            port = str(self.ports[name])
            command = COMMANDS[name.partition("-")[0]]
            self.running[name] = self.installation.start(*command, MARKETABLE_HEALTH_PORT=port, **settings)

    def start_all(self) -> None:
        self.start(*COMMANDS)

    def restore(self, *names: str) -> None:
        """Start those of these that do not run."""
        self.start(
            *(name for name in names if name not in self.running or self.running[name].exit_code is not None)
        )

    def kill(self, name: str) -> None:
        """Kill -9 of a process; returns when its children have ended by themselves."""
        orphans = self.running[name].children()
        self.running[name].kill()
        eventually(lambda: not any(is_running(pid) for pid in orphans), "its children have ended")

    def metric(self, process: str, name: str) -> float:
        return sample(ask(self.ports[process], "/metrics").text, name)
