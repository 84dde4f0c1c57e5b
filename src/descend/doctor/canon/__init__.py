"""The list of what can be wrong, causes before consequences, and of what helps: one entry a problem.

The lines of an entry are those of a lecture's recap table (Ba, CSC413 lecture 4, Recap), and what papers add: Problem |
Workarounds | Source. Each names a remedy, how much of it to apply (`doses`), and why it should work. `decides` marks
the remedy whose rerun settles a suspicion: unscaled inputs are the cause only if standardising them does at least as
well as what else was tried.
"""

from descend.doctor.canon.entry import Entry, Row
from descend.doctor.canon.progress import PROGRESS
from descend.doctor.canon.searches import ANYWHERE, AT_A_PLACE
from descend.doctor.canon.statics import STATICS
from descend.doctor.canon.steps import STEPS
from descend.doctor.canon.wiring import WIRING

# Wiring first, then the data and the start, then what happens over time, then what has no name of its own.
CANON = {entry.id: entry for entry in (*WIRING, *STATICS, *STEPS, *PROGRESS, *AT_A_PLACE, *ANYWHERE)}
# Told and tried where what has a name of its own does not do: first what points at a place, then what points at none.
SEARCHES = tuple(frozenset(entry.id for entry in search) for search in (AT_A_PLACE, ANYWHERE))
GENERAL = frozenset().union(*SEARCHES)

__all__ = ["CANON", "GENERAL", "SEARCHES", "Entry", "Row"]
