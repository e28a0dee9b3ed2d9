"""What a check of a provider's folder finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or only missed, in a folder."""

    place: str
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
