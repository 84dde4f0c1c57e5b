"""Muon against torch's, against the singular values that its polynomial implies, and against AdamW for vectors."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import difference, tensors, train

from descend import optim

OPTIONS = [
    {},
    {"lr": 0.02, "momentum": 0.8, "nesterov": False, "weight_decay": 0.3},
    {"ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3},
    {"adjust_lr_fn": "match_rms_adamw"},
    {"adjust_lr_fn": "original"},
]
SHAPES = (7, 3), (3, 7), (5, 5)
against_torch = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this version of torch has no Muon")


@against_torch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_steps_of_matrices_are_those_of_torch(options, dtype):
    ours, theirs = tensors(*SHAPES, dtype=dtype), tensors(*SHAPES, dtype=dtype)
    train(optim.Muon(ours, **options), ours, 30)
    train(torch.optim.Muon(theirs, **options), theirs, 30)
    # Numbers that differ in the last bit of float32 can be rounded to different numbers of bfloat16.
    assert difference(ours, theirs) < {torch.float64: 1e-12, torch.float32: 1e-4}[dtype]


def test_matrices_in_bfloat16_follow_those_in_double_precision():
    narrow, wide = tensors(*SHAPES, dtype=torch.bfloat16), tensors(*SHAPES, dtype=torch.float64)
    optimizer = optim.Muon(narrow)
    train(optimizer, narrow, 10)
    train(optim.Muon(wide), wide, 10)
    assert difference([p.double() for p in narrow], wide) < 0.01
    assert all(optimizer.state[p]["momentum_buffer"].dtype is torch.bfloat16 for p in narrow)


@against_torch
def test_checkpoints_can_be_exchanged_with_torch():
    ours, theirs, kept = (tensors(*SHAPES, dtype=torch.float64) for _ in range(3))
    train(torch.optim.Muon(kept), kept, 30)
    first, second = torch.optim.Muon(theirs), optim.Muon(ours)
    train(first, theirs, 10)
    for a, b in zip(ours, theirs, strict=True):
        a.data.copy_(b.data)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(second, ours, 10, start=10)
    for a, b in zip(theirs, ours, strict=True):
        a.data.copy_(b.data)
    first.load_state_dict(second.state_dict())
    train(first, theirs, 10, start=20)
    assert difference(theirs, kept) < 1e-12


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 999))
def test_the_step_has_the_singular_vectors_of_the_gradient(rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    u, s, vh = torch.linalg.svd(torch.randn(rows, columns, generator=generator), full_matrices=False)
    s = 0.5 + torch.rand(len(s), generator=generator) / 2
    weight = torch.zeros(rows, columns, requires_grad=True)
    weight.grad = u @ s.diag() @ vh
    optim.Muon([weight], lr=1.0, weight_decay=0.0, momentum=0.0, adjust_lr_fn="original").step()
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    expected = -(max(1, rows / columns) ** 0.5) * u @ s.diag() @ vh
    # bfloat16 has a relative precision of 1/256, and five steps of the iteration amplify a rounding error. Singular
    # values in [0.5, 1] limit this: the largest relative error of 6,000 random cases was 0.076.
    assert (weight.detach() - expected).norm() < 0.15 * expected.norm()


def test_a_convolution_is_stepped_as_a_matrix():
    conv, matrix = tensors((4, 3, 2, 2)), [tensors((4, 3, 2, 2))[0].detach().flatten(1).requires_grad_()]
    first, second = optim.Muon(conv), optim.Muon(matrix)
    for step in range(5):
        matrix[0].grad = torch.randn(4, 12, generator=torch.Generator().manual_seed(step))
        conv[0].grad = matrix[0].grad.view(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
        first.step()
        second.step()
    assert difference(conv, matrix) == 0


@pytest.mark.parametrize("shape", [(5, 0), (0, 5), (0, 0), (3, 0, 2)], ids=str)
def test_an_empty_matrix_is_stepped(shape):
    [weight] = tensors(shape)
    optimizer = optim.Muon([weight])
    train(optimizer, [weight], 2)
    assert optimizer.state[weight]["step"] == 2


@pytest.mark.parametrize("without", [False, 0, torch.tensor(False)], ids=str)
def test_adamw_steps_vectors_and_groups_without_muon(without):
    mixed, expected = tensors((6,), (4, 3), ()), tensors((6,), (4, 3), ())
    groups = [{"params": [mixed[0], mixed[2]]}, {"params": [mixed[1]], "use_muon": without}]
    train(optim.Muon(groups, lr=0.01, adamw_betas=(0.8, 0.9), adamw_eps=1e-6), mixed, 10)
    reference = torch.optim.AdamW(expected, lr=0.01, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1)
    train(reference, expected, 10)
    assert difference(mixed, expected) < 1e-6


def test_matrices_and_vectors_of_one_group_follow_one_schedule():
    parameters = tensors((4, 3), (6,))
    optimizer = optim.Muon(parameters, lr=0.5)
    before = [p.detach().clone() for p in parameters]
    optimizer.param_groups[0]["lr"] = 0.0
    train(optimizer, parameters, 2)
    assert len(optimizer.param_groups) == 1
    assert all(torch.equal(a, b.detach()) for a, b in zip(before, parameters, strict=True))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ns_steps": 0}, "Muon: ns_steps must be an integer of at least 1, not 0"),
        ({"ns_coefficients": (1.0, 2.0)}, r"Muon: ns_coefficients must be three finite numbers, not \(1.0, 2.0\)"),
        ({"ns_coefficients": (1.0, 2.0, float("nan"))}, "Muon: ns_coefficients must be three finite numbers, not"),
        ({"ns_coefficients": (1.0, 2.0, "3")}, "Muon: ns_coefficients must be three finite numbers, not"),
        ({"use_muon": "no"}, "Muon: use_muon must be one of None, False, True, not 'no'"),
        ({"momentum": 1.0}, r"Muon: momentum must be in \[0, 1\), not 1.0"),
        ({"adjust_lr_fn": "adamw"}, "adjust_lr_fn must be one of None, original, match_rms_adamw, not 'adamw'"),
        ({"momentum": -0.1}, r"Muon: momentum must be in \[0, 1\], not -0.1"),
        ({"adamw_betas": (0.9, 1.0)}, r"Muon: adamw_betas must be in \[0, 1\), not \(0.9, 1.0\)"),
    ],
)
def test_a_setting_out_of_range_is_named(options, text):
    with pytest.raises(ValueError, match=text):
        optim.Muon(tensors((2, 2)), **options)


def test_a_checkpoint_of_another_shape_is_rejected():
    saved = optim.Muon(tensors((4, 3)))
    train(saved, saved.param_groups[0]["params"], 1)
    with pytest.raises(ValueError, match=r"momentum_buffer of parameter 0 has shape \(4, 3\), but the parameter"):
        optim.Muon(tensors((3, 4))).load_state_dict(saved.state_dict())
