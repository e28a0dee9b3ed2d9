"""Look-ups: vendors whose deliveries hold ids only are asked for the person behind an event.

Only the process that makes look-ups, and what lists the plug-ins, imports this: no request of a web process does.
"""

from service.providers.lookups.asking import Access, Plugin, Question
from service.providers.lookups.refusals import (
    DelayedReason,
    LookUpDelayed,
    LookUpError,
    LookUpRefused,
    RefusedReason,
)
from service.providers.lookups.registry import look_up, plugins

__all__ = [
    "Access",
    "DelayedReason",
    "LookUpDelayed",
    "LookUpError",
    "LookUpRefused",
    "Plugin",
    "Question",
    "RefusedReason",
    "look_up",
    "plugins",
]
