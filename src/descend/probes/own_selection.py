"""Is a loss a mean over what the network selects, as the triplets that are still wrong? Then it need not fall.

loss.sum() / (loss > 0).sum()          # as the easy ones drop out, the hard ones are left
"""

from descend.probes.moment import Measurement, Moment
from descend.probes.terms import terms
from descend.record import Fact, facts
from descend.tape.call import DISCRETE, SMOOTH
from descend.tape.vocabulary import QUOTIENTS


def own_selection(moment: Moment) -> Measurement:
    """Yield the fact `own_selection` of the first recorded step, where a term is divided by such a count."""
    for term in terms(moment.recordings()[0]):
        if term.op is not None and term.op.name in QUOTIENTS and term.op.taints == (SMOOTH, DISCRETE):
            yield Fact.of(facts.OwnSelection(term.op.name), moment.step)
            return
