"""What changes nothing that matters: a program that is mutated so is as well as it was."""

from mutations.mutant import Operator, argument, beside, input_of_model, rewritten

NONE = "without effect"

OPERATORS = (
    Operator("contiguous", input_of_model("{}.contiguous()"), NONE),
    Operator("cloned", input_of_model("{}.clone()"), NONE),
    Operator("plus_nothing", rewritten(("backward",), "({of} + 0.0).backward()"), NONE),
    Operator("times_one", rewritten(("backward",), "({of} * 1.0).backward()"), NONE),
    Operator("graph_kept", rewritten(("backward",), "{of}.backward(retain_graph=True)"), NONE),
    Operator("filled_with_zeros", argument("set_to_none", "False", ("zero_grad",)), NONE),
    Operator("cleared_twice", beside(("zero_grad",), "{of}.zero_grad()"), NONE),
    Operator(
        "clipped_at_a_million", beside(("backward",), "torch.nn.utils.clip_grad_norm_({model}.parameters(), 1e6)"), NONE
    ),
    Operator("counted", beside(("step",), "len({optimizer}.param_groups)"), NONE),
    Operator("said", beside(("zero_grad",), "assert {model} is not None"), NONE),
)
