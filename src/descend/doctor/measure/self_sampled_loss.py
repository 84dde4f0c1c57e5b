"""Whether a loss uses random draws from the network's outputs, as in a policy gradient; such a loss need not fall."""

from descend.core.operations import Trait, having
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape.call import SMOOTH

DRAWS = having(Trait.SAMPLING)


def self_sampled_loss(snapshot: Snapshot) -> Measurement:
    """Yield the fact `self_sampled_loss` if the first recorded step draws from the network's outputs."""
    for op in snapshot.recordings()[0].ops:
        if op.name in DRAWS and SMOOTH in op.dependences:
            yield Fact.of(facts.SelfSampledLoss(op.name), snapshot.step)
            return
