"""General edits of what an instrument points at: a statement or a call is left out, turned round, or exchanged.

They know nothing of what stands there. That one of them wins says where the mistake is, and what undoes it.
"""

from descend.canon.row import Row
from descend.doses import alteration, on_the_way

ANGLE = "Nocedal & Wright 2006, §2.2"
TASK = "Goodfellow et al. 2016, §8.1"
GRADIENT = "Glorot & Bengio 2010, §4.2"
TOLD = "Cover & Thomas 2006, §2.8"
STATEMENTS, INPUTS, BLOCKS, TERMS, CALLS = 4, 4, 3, 6, 3  # places of each kind that are tried
MEANT = "what is minimised is then what is measured"
READ = "what is given is then what the network learns from"

PLACES = (
    *(
        Row("wrong_step", "leave_out", alteration(number), "without line {line}",
            "a step along the loss's own gradient lowers the loss", ANGLE)
        for number in range(STATEMENTS)
    ),
    *(
        Row("unreadable", "skip_call", on_the_way("on_inputs", "skip", number), "without {function} in line {line}",
            READ, TOLD, judged_on="metric")
        for number in range(INPUTS)
    ),
    *(
        Row("blocked_signal", "skip_call", on_the_way("on_network", "skip", number),
            "without {function} in line {line}",
            "the error then reaches what stands before it", GRADIENT, judged_on="metric")
        for number in range(BLOCKS)
    ),
    *(
        Row("wrong_objective", "turn_term", on_the_way("on_loss", "turn", number),
            "the other sign of {function} in line {line}, term {place}", MEANT, TASK, cost=1, judged_on="metric")
        for number in range(TERMS)
    ),
    *(
        Row("wrong_objective", "exchange_arguments", on_the_way("on_loss", "exchange", number),
            "arguments {both} of {function} in line {line} exchanged", MEANT, TASK, cost=1, judged_on="metric")
        for number in range(CALLS)
    ),
    *(
        Row("wrong_objective", "skip_call", on_the_way("on_loss", "skip", number),
            "without {function} in line {line}, call {place}", MEANT, TASK, judged_on="metric")
        for number in range(CALLS)
    ),
    *(
        Row("wrong_objective", "skip_call", on_the_way("on_inputs", "skip", number),
            "without {function} in line {line}", READ, TOLD, judged_on="metric")
        for number in range(INPUTS)
    ),
)  # fmt: skip
