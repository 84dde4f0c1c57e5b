"""General edits of what an instrument points at: a statement or a call is left out, turned round, or exchanged.

They know nothing of the line that they edit. An edit that wins shows where the mistake is, and not what it is: it is
reported as an observation (`observes`), unless the loss itself was measured to be wrong.
"""

from descend.doctor.canon.entry import Entry, Row, at_places
from descend.doctor.canon.phrases import (
    ADAM,
    ADAM_AT,
    ADAM_COST,
    BLOCKS,
    CALLS,
    CLIP,
    INIT,
    INPUTS,
    PREPARED,
    RESCALED,
    SAME,
    SCALE,
    SCALES,
    SET,
    TERMS,
    TO,
    TURNED,
    VARIANCE,
    WITHOUT,
)
from descend.doctor.doses import (
    adam,
    all_on_the_way,
    following_activation,
    nothing_to_dose,
    on_the_way,
    other_convention,
    rate_times,
    usual_argument,
    usual_norm,
)
from descend.doctor.record import facts

MEANT = "what is minimised is then what is measured", "Goodfellow et al. 2016, §8.1"
OTHER_SIGN = "the other sign of {function} in line {line}, term {place}"
HELD = "the loss then has a least value", "Rockafellar 1970, §8"
OPEN = "what the network says then reaches the loss as it is", "Goodfellow et al. 2016, §6.2.2"
READ = "what is given is then what the network learns from", "Cover & Thomas 2006, §2.8"
HEARD = "the error then reaches what stands before it", "Glorot & Bengio 2010, §4.2"
TUNED = "Choi et al. 2019, §2"
ARGUMENTS, FACTORS = 3, (10.0, 0.1, 100.0)

AT_A_PLACE: tuple[Entry, ...] = (
    Entry("unbounded_loss", "dynamics", "the loss has no lower bound", (
        Row("turn_loss", nothing_to_dose, "the loss with its sign turned", *HELD, judged_on="metric"),
        *at_places("turn_term", (facts.OnLoss, "turn", TERMS), OTHER_SIGN, HELD, cost=1),
    )),
    Entry("unreachable_loss", "dynamics", "no output of the network can make the loss small", (
        *at_places("skip_call", (facts.Crossing, "skip", 1), WITHOUT, OPEN),
    ), observes=True),
    Entry("blocked_signal", "dynamics", "only a small share of the gradient passes one call", (
        *at_places("skip_call", (facts.Crossing, "skip", 1), WITHOUT, HEARD),
        *at_places("skip_call", (facts.OnNetwork, "skip", BLOCKS), WITHOUT, HEARD),
    ), observes=True),
    Entry("unreadable", "dynamics", "preprocessing may destroy information in the inputs", (
        *at_places("skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, READ),
        *at_places("turn_mask", (facts.OnInputs, "invert", CALLS), TURNED, READ, cost=1),
        *at_places("call_argument", (facts.OnInputs, "set", CALLS), SET, READ, cost=1),
        *at_places("skip_call", (facts.OnFetched, "skip", INPUTS), WITHOUT, READ),
        *at_places("transform", (facts.Prepared, "transform", CALLS),
            "no further fit in line {line}", SAME, cost=1),
        *at_places("leave_out", (facts.Prepared, "leave", CALLS), "without line {line}", READ),
        *at_places("transpose", (facts.Prepared, "transpose", CALLS),
            "values counted off in the other order in line {line}", READ, cost=1),
        *at_places("partner_too", (facts.Prepared, "partner", CALLS),
            "{partner} as {moved} in line {line}", READ, cost=1),
        *at_places("skip_call", (facts.Prepared, "skip", CALLS), WITHOUT, READ),
        *at_places("leave_out", (facts.Prepared, "leave", PREPARED), "without line {line}", READ)[CALLS:],
        *at_places("skip_call", (facts.OnEvaluated, "skip", INPUTS), WITHOUT, SAME),
        *(
            Row("skip_call", all_on_the_way(kind, "skip"), "without all calls on the data, lines {lines}",
                *READ, cost=3, judged_on="metric")
            for kind in (facts.OnInputs, facts.OnFetched, facts.OnEvaluated)
        ),
    ), observes=True),
    Entry("unbalanced_terms", "dynamics", "one term of the loss dominates the others", (
        *at_places("weigh_term", (facts.LossTerm, "weigh", TERMS),
            "a term of the sum in line {line} times {factor:g}",
            ("the terms then pull alike", "Chen et al. 2018, §3"), cost=1),
    )),
    Entry("wrong_objective", "dynamics", "the loss may optimise something other than the reported metric", (
        *(
            Row("relabel", other_convention(number), "{expression} for {name}", *MEANT,
                cost=1, judged_on="metric")
            for number in range(CALLS)
        ),
        *at_places("turn_term", (facts.OnLoss, "turn", TERMS), OTHER_SIGN, MEANT, cost=1),
        *at_places("exchange_arguments", (facts.OnLoss, "exchange", CALLS),
            "arguments {both} of {function} in line {line} exchanged", MEANT, cost=1),
        *at_places("skip_call", (facts.OnLoss, "skip", CALLS), f"{WITHOUT}, call {{place}}", MEANT),
        *at_places("call_argument", (facts.OnLoss, "set", CALLS), SET, MEANT, cost=1),
        *at_places("call_argument", (facts.OnInputs, "set", CALLS), SET, MEANT, cost=1),
        *at_places("skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, READ),
        *at_places("exchange_arguments", (facts.Prepared, "exchange", CALLS),
            "the quotient in line {line} upside down", MEANT, cost=1),
    ), observes=True),
)  # fmt: skip
ANYWHERE: tuple[Entry, ...] = (
    Entry("optimisation", "dynamics", "the run fails and no specific problem explains it", (
        *(
            Row("optimizer_argument", usual_argument(number), "{argument} {old} → {value}, its default",
                "the rule then does what it was published with", TUNED, cost=1, judged_on="metric", much=True)
            for number in range(ARGUMENTS)
        ),
        *(
            Row("skip_call", on_the_way(facts.OfLoss, "skip", number), WITHOUT, *SCALE,
                cost=1, judged_on="metric", much=True)
            for number in range(SCALES)
        ),
        *(
            Row("learning_rate", rate_times(factor), TO, "the steps are then of another length", TUNED,
                cost=1, judged_on="metric", much=True)
            for factor in FACTORS
        ),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST, judged_on="metric", much=True),
        Row("constant_rate", nothing_to_dose, "no schedule", "the steps keep their length", TUNED,
            judged_on="metric", much=True),
        Row("clip_gradients", usual_norm, CLIP, "no single step is much longer than the usual one", TUNED,
            judged_on="metric", much=True),
        Row("reinitialise", following_activation,
            "initialise for {activation} (Kaiming or Xavier)", VARIANCE, INIT,
            judged_on="metric", much=True),
    ), observes=True),
)  # fmt: skip
