"""How long and how often is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The bounds of one run."""

    rounds: int
    seconds: float
    """Of one run of the load generator, after its warm-up."""
    warm_up: float
    connections: tuple[int, ...]
    """Each with new contacts; the first one also with existing contacts."""
    messages: int
    """Of one round of relay or consumer."""
    single: int
    """Of one round of publishing with a confirm awaited for each message."""
    patience: float
    """Seconds to wait for a quiet machine, in all."""
    workers: int = 2
    """Web worker processes, where the database lets there be several."""
    import_rows: int = 1_000_000
    """Of the file that is imported."""
    contacts: int = 200_000
    """Of the portal that is asked about."""


FULL = Plan(
    rounds=5, seconds=1.4, warm_up=0.4, connections=(32, 64), messages=20_000, single=1_000, patience=30
)
QUICK = Plan(
    rounds=2,
    seconds=1.0,
    warm_up=0.3,
    connections=(32,),
    messages=6_000,
    single=500,
    patience=3,
    import_rows=50_000,
    contacts=50_000,
)
MOST_RATE = 20_000
"""Requests built beforehand for each second of a run; a server that is faster than this ends its run early."""
