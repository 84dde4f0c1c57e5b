"""When and on what: modes, order of the examples, and what is evaluated."""

from mutations.mutant import Operator, argument, beside, dropped, renamed

QUESTION = "public questions"
LOADER = ("DataLoader",)

OPERATORS = (
    Operator("trained_in_evaluation_mode", renamed(("train",), "eval"), QUESTION),
    Operator("not_switched_back", dropped(("train",)), QUESTION),
    Operator("evaluated_in_training_mode", dropped(("eval",)), QUESTION),
    Operator("evaluation_mode_from_the_start", beside(("zero_grad",), "{model}.eval()"), QUESTION),
    Operator("in_order", argument("shuffle", "False", LOADER), QUESTION),
    Operator(
        "begun_anew",
        beside(("zero_grad",), "[m.reset_parameters() for m in {model}.modules() if hasattr(m, 'reset_parameters')]"),
        "Humbatova et al. 2020, wrong management of weights",
    ),
    Operator(
        "rounded_weights",
        beside(("step",), "[p.data.copy_(p.data.half()) for p in {model}.parameters()]"),
        QUESTION,
        "float16",
    ),
    Operator(
        "weights_pulled_back",
        beside(("step",), "[p.data.mul_(0.9) for p in {model}.parameters()]"),
        "DeepCrime RAW",
        "0.9",
    ),
    Operator("memory_cleared", beside(("step",), "{optimizer}.state.clear()"), QUESTION),
)
