"""The table of torch operations: its names exist in torch, and its traits do not contradict each other."""

import pytest
import torch
import torch.nn.functional as F

from descend.core.operations import _ROWS, OPERATIONS, Trait, having

MODULES = (torch, torch.Tensor, F, torch.linalg, torch._C._nn)
UNUSUAL = {"linalg_norm", "linalg_vector_norm", "identity", "from_file"}  # no attribute of a module has this name


def test_each_operation_has_one_row():
    names = [name for row, _ in _ROWS for name in row.split()]
    assert len(names) == len(set(names)) == len(OPERATIONS)


def test_each_operation_exists_in_torch():
    missing = {name for name in OPERATIONS if not any(hasattr(module, name) for module in MODULES)}
    assert missing <= UNUSUAL


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (Trait.CLAMP, Trait.RECTIFIER),
        (Trait.RECTIFIER, Trait.ACTIVATION),
        (Trait.SIGMOID, Trait.ACTIVATION),
        (Trait.HOMOGENEOUS, Trait.ACTIVATION),
        (Trait.LOGARITHM, Trait.PARTIAL_DOMAIN),
        (Trait.CONVOLUTION, Trait.LINEAR_LAYER),
        (Trait.MATRIX_PRODUCT, Trait.LINEAR_LAYER),
    ],
)
def test_a_narrow_trait_implies_the_wide_one(narrow, wide):
    assert having(narrow) < having(wide)


def test_several_traits_give_the_union():
    assert having(Trait.PRODUCT, Trait.QUOTIENT) == having(Trait.PRODUCT) | having(Trait.QUOTIENT)
