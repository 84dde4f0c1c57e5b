"""Is a loss made of what the network itself has drawn, as a policy's is of its actions? Then it need not fall."""

from descend.probes.moment import Measurement, Moment
from descend.record import Fact, facts
from descend.tape.call import SMOOTH

DRAWS = frozenset({"multinomial", "bernoulli", "poisson", "binomial"})


def own_draws(moment: Moment) -> Measurement:
    """Yield the fact `self_sampled_loss` of the first recorded step, where there is a draw by the network's outputs."""
    for op in moment.recordings()[0].ops:
        if op.name in DRAWS and SMOOTH in op.taints:
            yield Fact.of(facts.SelfSampledLoss(op.name), moment.step)
            return
