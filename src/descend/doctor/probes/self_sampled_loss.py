"""Is a loss made of what the network itself has drawn, as a policy's is of its actions? Then it need not fall."""

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape.call import SMOOTH

DRAWS = frozenset({"multinomial", "bernoulli", "poisson", "binomial"})


def self_sampled_loss(snapshot: Snapshot) -> Measurement:
    """Yield the fact `self_sampled_loss` of the first recorded step, where there is a draw by the network's outputs."""
    for op in snapshot.recordings()[0].ops:
        if op.name in DRAWS and SMOOTH in op.taints:
            yield Fact.of(facts.SelfSampledLoss(op.name), snapshot.step)
            return
