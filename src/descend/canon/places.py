"""General edits of what an instrument points at: a statement or a call is left out, turned round, or exchanged.

They know nothing of what stands there. That one of them wins says where the mistake is, and what undoes it.
"""

from descend.canon.phrases import ADAM, ADAM_AT, ADAM_COST, CLIP, INIT, RESCALED, SCALE, SCALES, TO, VARIANCE, WITHOUT
from descend.canon.row import Row
from descend.doses import (
    adam,
    all_on_the_way,
    alteration,
    following_activation,
    nothing_to_dose,
    on_the_way,
    other_convention,
    rate_times,
    usual_argument,
    usual_norm,
)
from descend.record import facts

ANGLE = "Nocedal & Wright 2006, §2.2"
STATEMENTS, INPUTS, PREPARED, BLOCKS, TERMS, CALLS = 4, 4, 6, 3, 5, 2  # places of each kind that are tried
MEANT = "what is minimised is then what is measured", "Goodfellow et al. 2016, §8.1"
OTHER_SIGN = "the other sign of {function} in line {line}, term {place}"
SET = "{keyword}={value} of {function} in line {line}"
TURNED = "what {function} in line {line} masks for what it does not"
HELD = "the loss then has a least value", "Rockafellar 1970, §8"
UNSEEN = "an element is then predicted from those before it alone", "Vaswani et al. 2017, §3.2.3"
OPEN = "what the network says then reaches the loss as it is", "Goodfellow et al. 2016, §6.2.2"
READ = "what is given is then what the network learns from", "Cover & Thomas 2006, §2.8"
SAME = "the network then meets what it has learnt from", "Shimodaira 2000, §1"
TOLD = "right answers then score otherwise than wrong ones", "Gneiting & Raftery 2007, §2"
HEARD = "the error then reaches what stands before it", "Glorot & Bengio 2010, §4.2"
TUNED = "Choi et al. 2019, §2"
ARGUMENTS, FACTORS = 3, (10.0, 0.1, 100.0)
Where = tuple[type[facts.Editable], str, int]  # kind, edit, places


def _rows(symptom: str, remedy: str, where: Where, label: str, because: tuple[str, str], cost: int = 2) -> list[Row]:
    """Return a row for each of so many places of a kind that allow an edit."""
    kind, edit, places = where
    doses = [on_the_way(kind, edit, number) for number in range(places)]
    return [Row(symptom, remedy, dose, label, *because, cost=cost, judged_on="metric") for dose in doses]


PLACES = (
    *(
        Row("wrong_step", "leave_out", alteration(number), "without line {line}",
            "a step along the loss's own gradient lowers the loss", ANGLE)
        for number in range(STATEMENTS)
    ),
    Row("unbounded_loss", "turn_loss", nothing_to_dose, "the loss with its sign turned", *HELD, judged_on="metric"),
    *_rows("unbounded_loss", "turn_term", (facts.OnLoss, "turn", TERMS), OTHER_SIGN, HELD, cost=1),
    *_rows("target_leak", "turn_mask", (facts.OnInputs, "invert", CALLS), TURNED, UNSEEN, cost=1),
    *_rows("unreachable_loss", "skip_call", (facts.Crossing, "skip", 1), WITHOUT, OPEN),
    *_rows("blocked_signal", "skip_call", (facts.Crossing, "skip", 1), WITHOUT, HEARD),
    Row("evaluated_on_other_inputs", "evaluate_as_trained", nothing_to_dose, "in evaluation the data as in training",
        *SAME, cost=1, judged_on="metric"),
    *_rows("evaluated_on_other_inputs", "skip_call", (facts.OnEvaluated, "skip", INPUTS), WITHOUT, SAME),
    *_rows("evaluated_on_other_inputs", "skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, SAME),
    *_rows("wrong_metric", "call_argument", (facts.OnMeasured, "set", 1), SET, TOLD, cost=1),
    *_rows("wrong_metric", "skip_call", (facts.OnMeasured, "skip", 1), WITHOUT, TOLD),
    *_rows("unreadable", "skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, READ),
    *_rows("unreadable", "turn_mask", (facts.OnInputs, "invert", CALLS), TURNED, READ, cost=1),
    *_rows("unreadable", "call_argument", (facts.OnInputs, "set", CALLS), SET, READ, cost=1),
    *_rows("unreadable", "skip_call", (facts.OnFetched, "skip", INPUTS), WITHOUT, READ),
    *_rows("unreadable", "transform", (facts.Prepared, "transform", CALLS),
        "no further fit in line {line}", SAME, cost=1),
    *_rows("unreadable", "leave_out", (facts.Prepared, "leave", CALLS), "without line {line}", READ),
    *_rows("unreadable", "transpose", (facts.Prepared, "transpose", CALLS),
        "values counted off in the other order in line {line}", READ, cost=1),
    *_rows("unreadable", "partner_too", (facts.Prepared, "partner", CALLS),
        "{partner} as {moved} in line {line}", READ, cost=1),
    *_rows("unreadable", "skip_call", (facts.Prepared, "skip", CALLS), WITHOUT, READ),
    *_rows("unreadable", "leave_out", (facts.Prepared, "leave", PREPARED), "without line {line}", READ)[CALLS:],
    *_rows("unreadable", "skip_call", (facts.OnEvaluated, "skip", INPUTS), WITHOUT, SAME),
    *(
        Row("unreadable", "skip_call", all_on_the_way(kind, "skip"), "without all calls on the data, lines {lines}",
            *READ, cost=3, judged_on="metric")
        for kind in (facts.OnInputs, facts.OnFetched, facts.OnEvaluated)
    ),
    *_rows("blocked_signal", "skip_call", (facts.OnNetwork, "skip", BLOCKS), WITHOUT, HEARD),
    *_rows("unbalanced_terms", "weigh_term", (facts.LossTerm, "weigh", TERMS),
        "a term of the sum in line {line} times {factor:g}",
        ("the terms then pull alike", "Chen et al. 2018, §3"), cost=1),
    *(
        Row("wrong_objective", "relabel", other_convention(number), "{expression} for {name}", *MEANT,
            cost=1, judged_on="metric")
        for number in range(CALLS)
    ),
    *_rows("wrong_objective", "turn_term", (facts.OnLoss, "turn", TERMS), OTHER_SIGN, MEANT, cost=1),
    *_rows("wrong_objective", "exchange_arguments", (facts.OnLoss, "exchange", CALLS),
        "arguments {both} of {function} in line {line} exchanged", MEANT, cost=1),
    *_rows("wrong_objective", "skip_call", (facts.OnLoss, "skip", CALLS), f"{WITHOUT}, call {{place}}", MEANT),
    *_rows("wrong_objective", "call_argument", (facts.OnLoss, "set", CALLS), SET, MEANT, cost=1),
    *_rows("wrong_objective", "call_argument", (facts.OnInputs, "set", CALLS), SET, MEANT, cost=1),
    *_rows("wrong_objective", "skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, READ),
    *_rows("wrong_objective", "exchange_arguments", (facts.Prepared, "exchange", CALLS),
        "the quotient in line {line} upside down", MEANT, cost=1),
    *(
        Row("optimisation", "optimizer_argument", usual_argument(number), "{argument} {old} → {value}, its default",
            "the rule then does what it was published with", TUNED, cost=1, judged_on="metric", much=True)
        for number in range(ARGUMENTS)
    ),
    *(
        Row("optimisation", "skip_call", on_the_way(facts.OfLoss, "skip", number), WITHOUT, *SCALE,
            cost=1, judged_on="metric", much=True)
        for number in range(SCALES)
    ),
    *(
        Row("optimisation", "learning_rate", rate_times(factor), TO, "the steps are then of another length", TUNED,
            cost=1, judged_on="metric", much=True)
        for factor in FACTORS
    ),
    Row("optimisation", "adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST, judged_on="metric", much=True),
    Row("optimisation", "constant_rate", nothing_to_dose, "no schedule", "the steps keep their length", TUNED,
        judged_on="metric", much=True),
    Row("optimisation", "clip_gradients", usual_norm, CLIP, "no single step is much longer than the usual one", TUNED,
        judged_on="metric", much=True),
    Row("optimisation", "reinitialise", following_activation,
        "initialise for {activation} (Kaiming or Xavier)", VARIANCE, INIT,
        judged_on="metric", much=True),
)  # fmt: skip
