"""What was measured, as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.load import median

WIDTH = 46


@dataclass(frozen=True, slots=True)
class Bar:
    """A value that a ratio should reach, or stay under."""

    value: float
    name: str
    at_most: bool = False

    def __str__(self) -> str:
        return f"{self.name} {'≤' if self.at_most else '≥'} {self.value:g}"

    def is_met(self, ratio: float) -> bool:
        """Whether the ratio reaches it."""
        return ratio <= self.value if self.at_most else ratio >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured in every round."""

    name: str
    values: tuple[float, ...]
    unit: str = "/s"
    bars: tuple[Bar, ...] = ()

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.values)

    def line(self, doubt: str = "") -> str:
        """Return it as a line of the table, with a verdict on each bar, and the doubt behind it."""
        verdicts = "   ".join(f"{verdict}{doubt}" for verdict in self._verdicts())
        return f"  {self.name:<{WIDTH}} {self._numbers():<26} {verdicts}".rstrip()

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        bars = [{**asdict(bar), "met": bar.is_met(self.median)} for bar in self.bars]
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "rounds": self.values,
            "bars": bars,
        }

    def _numbers(self) -> str:
        digits = 0 if self.unit == "/s" else 1 if self.unit == "ms" else 2
        least, most = min(self.values), max(self.values)
        return f"{self.median:>8.{digits}f} {self.unit:<2} [{least:.{digits}f}-{most:.{digits}f}]"

    def _verdicts(self) -> list[str]:
        return [f"{bar}: {'met' if bar.is_met(self.median) else 'short'}" for bar in self.bars]


def ratio(name: str, measured: Sequence[float], against: Sequence[float], bars: Sequence[Bar] = ()) -> Figure:
    """Return the ratios of each round, which share whatever slowed that round down."""
    values = tuple(one / other for one, other in zip(measured, against, strict=True))
    return Figure(name, values, "x", tuple(bars))


@dataclass(slots=True)
class Section:
    """One table: what was measured under the same conditions, round by round."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was checked besides."""
    was_quiet: bool = True
    """Whether the machine had little other work meanwhile."""

    def text(self) -> str:
        """Return the table."""
        doubt = "" if self.was_quiet else "?"
        lines = [self.title, *(figure.line(doubt) for figure in self.figures)]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@dataclass(slots=True)
class Report:
    """All tables of one run, and what went wrong."""

    versions: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What could not be measured, or went wrong while it was: one line or more each."""
    seconds: float = 0.0

    def text(self) -> str:
        """Return all tables, and the problems after them."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        parts = [f"{os.cpu_count()} cores, {versions}", *(section.text() for section in self.sections)]
        parts += [f"NOT MEASURED OR WRONG: {problem}" for problem in self.problems]
        return "\n\n".join([*parts, f"{self.seconds:.0f} s in all"])

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        document = {
            "machine": {"cores": os.cpu_count(), "system": platform.platform()},
            "versions": self.versions,
            "seconds": round(self.seconds, 1),
            "sections": [_section(section) for section in self.sections],
            "problems": self.problems,
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _section(section: Section) -> Mapping[str, object]:
    figures = [figure.document() for figure in section.figures]
    notes, was_quiet = section.notes, section.was_quiet
    return {"title": section.title, "figures": figures, "notes": notes, "was_quiet": was_quiet}
