"""Sets of torch operations that several measurements use, by the traits in `descend.core.operations`."""

from descend.core.operations import Trait, having

CLASS_LOSSES = having(Trait.CLASS_LOSS)
BINARY_LOSSES = having(Trait.BINARY_LOSS)
REAL_LOSSES = having(Trait.REAL_LOSS)
LOSSES = CLASS_LOSSES | BINARY_LOSSES | REAL_LOSSES
CLAMPS = having(Trait.CLAMP)
RECTIFIERS = having(Trait.RECTIFIER)
SIGMOIDS = having(Trait.SIGMOID)
ACTIVATIONS = having(Trait.ACTIVATION)
SOFTMAXES = having(Trait.SOFTMAX)
OUTPUT_ACTIVATIONS = ACTIVATIONS - CLAMPS | SOFTMAXES | {"log_sigmoid"}
RESHAPES = having(Trait.RESHAPE)
DIFFERENCES = having(Trait.DIFFERENCE)
BROADCASTING = having(Trait.BROADCASTING)
ADDITIONS = having(Trait.ADDITION)
PRODUCTS = having(Trait.PRODUCT)
QUOTIENTS = having(Trait.QUOTIENT)
NEGATIONS = having(Trait.NEGATION)
RECURRENT = having(Trait.RECURRENT)
ATTENTION = having(Trait.ATTENTION)
# The source lines of these operations are recorded, because a finding may name them.
INTERESTING = LOSSES | OUTPUT_ACTIVATIONS | ACTIVATIONS | BROADCASTING | RECURRENT | having(Trait.SITED)
