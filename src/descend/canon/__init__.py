"""A lecture's recap table (Ba, CSC413 lecture 4, Recap) as data, and what papers add: Problem | Workarounds | Source.

A row names a symptom, a remedy that the texts give for it, how much of it to apply (`doses`), and why it should work.
`decides` marks the remedy whose rerun settles a suspicion: unscaled inputs are the cause only if standardising them
does at least as well as what else was tried.
"""

from descend.canon.dynamics import DYNAMICS
from descend.canon.phrases import ADAM_AT, ADAM_COST, TO
from descend.canon.places import PLACES
from descend.canon.row import Row
from descend.canon.statics import STATICS
from descend.canon.wiring import WIRING

CANON = (*WIRING, *STATICS, *DYNAMICS, *PLACES)

__all__ = ["ADAM_AT", "ADAM_COST", "CANON", "TO", "Row"]
