"""No nonlinearity: layers without an activation between them equal one linear layer."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Count

SOURCE = "Goodfellow et al. 2016, §6.1: a linear model cannot represent XOR; a product of matrices is a matrix"
LAYERS = Count(2, "layers", "one is a linear model on purpose")


def no_nonlinearity(record: Record) -> Sign | None:
    """Several layers whose output is a linear function of the inputs, in a run that leaves much of the cost."""
    connections = record.fact(facts.Connections)
    layers = connections.linear_layers if connections else 0
    if layers < LAYERS or not cost_left(record) > HARDLY_LEARNT:
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"the network's {layers} layers have no nonlinearity between them: together they are one linear "
        f"function of the inputs, and {loss_left_message(record)}",
        quantity="layers that make one linear function",
        value=float(layers),
        bound=float(LAYERS - 1),
        source=SOURCE,
        where=record.site("model"),
    )
