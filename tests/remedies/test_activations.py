import libcst as cst
import pytest
import torch

from descend.doctor.codemod.activations import (
    FUNCTIONAL_SPELLING,
    IN_PLACE,
    MODULE_CLASSES,
    TENSOR_METHODS,
    canonical_activation,
    construct_activation,
)


@pytest.mark.parametrize("activation", MODULE_CLASSES)
def test_torch_defines_each_spelling(activation: str) -> None:
    assert hasattr(torch.nn, MODULE_CLASSES[activation])
    if activation == "identity":
        return
    assert callable(getattr(torch.nn.functional, FUNCTIONAL_SPELLING.get(activation, activation)))
    if activation in TENSOR_METHODS:
        assert hasattr(torch, activation) and hasattr(torch.Tensor, activation)
        assert activation.endswith("softmax") or hasattr(torch.Tensor, activation + "_")
    if activation in IN_PLACE:
        assert getattr(torch.nn.functional, activation)(torch.ones(2), inplace=True).shape == (2,)


@pytest.mark.parametrize(
    ("name", "activation"),
    [("LeakyReLU", "leaky_relu"), ("relu_", "relu"), ("ReLU", "relu"), ("logsigmoid", "log_sigmoid"), ("Mish", "mish")],
)
def test_spellings_map_to_one_activation(name: str, activation: str) -> None:
    assert canonical_activation(name) == activation


def test_the_new_module_keeps_the_package_prefix() -> None:
    call = cst.parse_expression("torch.nn.Softmax(dim=1)")
    assert isinstance(call, cst.Call)
    assert cst.Module([]).code_for_node(construct_activation(call, "identity")) == "torch.nn.Identity()"
