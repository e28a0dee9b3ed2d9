"""Reads a form's earlier submissions again with another mapping, after a preview that says what it would change.

The newest submission comes first. What was kept is never rewritten: a submission that reads differently is recorded
anew and refers to the first one; `service.domain.rereading` has the rules. Guarantees: what the preview says is what
carrying out does, as long as nothing else comes in between; carrying out twice does nothing more, and one that was
broken off is finished by the next.
"""

from service.rereading.carrying import PAGE, Progress, Rereading
from service.rereading.summary import EXAMPLES, Asked, Example, Summary

__all__ = ["EXAMPLES", "PAGE", "Asked", "Example", "Progress", "Rereading", "Summary"]
