import libcst as cst
import pytest
import torch

from descend.doctor.source.activations import IN_FUNCTIONAL, IN_PLACE, MODULES, OF_TENSORS, activation_of, constructor


@pytest.mark.parametrize("activation", MODULES)
def test_torch_has_what_is_written(activation: str) -> None:
    assert hasattr(torch.nn, MODULES[activation])
    if activation == "identity":
        return
    assert callable(getattr(torch.nn.functional, IN_FUNCTIONAL.get(activation, activation)))
    if activation in OF_TENSORS:
        assert hasattr(torch, activation) and hasattr(torch.Tensor, activation)
        assert activation.endswith("softmax") or hasattr(torch.Tensor, activation + "_")
    if activation in IN_PLACE:
        assert getattr(torch.nn.functional, activation)(torch.ones(2), inplace=True).shape == (2,)


@pytest.mark.parametrize(
    ("name", "activation"),
    [("LeakyReLU", "leaky_relu"), ("relu_", "relu"), ("ReLU", "relu"), ("logsigmoid", "log_sigmoid"), ("Mish", "mish")],
)
def test_spellings_are_of_one_activation(name: str, activation: str) -> None:
    assert activation_of(name) == activation


def test_a_module_is_made_from_where_the_other_one_was() -> None:
    call = cst.parse_expression("torch.nn.Softmax(dim=1)")
    assert isinstance(call, cst.Call)
    assert cst.Module([]).code_for_node(constructor(call, "identity")) == "torch.nn.Identity()"
