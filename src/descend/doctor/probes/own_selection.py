"""Is a loss a mean over what the network selects, as the triplets that are still wrong? Then it need not fall.

loss.sum() / (loss > 0).sum()          # as the easy ones drop out, the hard ones are left
"""

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.probes.terms import terms
from descend.doctor.record import Fact, facts
from descend.doctor.tape.call import DISCRETE, SMOOTH
from descend.doctor.tape.vocabulary import QUOTIENTS


def own_selection(snapshot: Snapshot) -> Measurement:
    """Yield the fact `own_selection` of the first recorded step, where a term is divided by such a count."""
    for term in terms(snapshot.recordings()[0]):
        if term.op is not None and term.op.name in QUOTIENTS and term.op.taints == (SMOOTH, DISCRETE):
            yield Fact.of(facts.OwnSelection(term.op.name), snapshot.step)
            return
