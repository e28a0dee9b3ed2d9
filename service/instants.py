"""The clock, read at entry points only."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def iso(instant: datetime | None) -> str | None:
    """Write an instant, or that there is none."""
    return None if instant is None else instant.isoformat()
