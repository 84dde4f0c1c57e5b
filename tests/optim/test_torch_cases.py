"""torch's own database of optimizer cases, on our classes: the inputs it tests with, and the errors it expects."""

import pytest
import torch

pytest.importorskip("expecttest", reason="torch's testing modules need the package expecttest")
from torch.testing._internal.common_optimizers import optim_db

from descend import optim

pytestmark = pytest.mark.slow
OURS = [info for info in optim_db if hasattr(optim, info.optim_cls.__name__)]
INPUTS = [
    pytest.param(info.optim_cls, case.kwargs, id=f"{info.optim_cls.__name__}-{case.desc}")
    for info in OURS
    for case in info.optim_inputs_func(device="cpu")
    if not case.kwargs.get("differentiable")  # not promised: a rule's function can be differentiated through
]
ERRORS = [
    pytest.param(getattr(optim, info.optim_cls.__name__), case, id=f"{info.optim_cls.__name__}-{i}")
    for info in OURS
    for i, case in enumerate(info.optim_error_inputs_func(device="cpu", dtype=torch.float32))
]
NO_ERROR_HERE = {  # what torch refuses, and ours take
    "foreach": "a rate may be a tensor whatever foreach says",
    "betas must be either both floats": "one beta may be a tensor, and the other not",
    "only support 2D parameters": "Muon treats a weight with more dimensions as a matrix, and AdamW updates vectors",
}


def test_every_class_with_the_name_of_a_torch_optimizer_is_in_the_database():
    assert {i.optim_cls.__name__ for i in OURS} >= {"SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "NAdam", "Rprop"}


@pytest.mark.parametrize(("theirs", "options"), INPUTS)
def test_every_input_gives_the_steps_of_torch(theirs, options):
    nets = []
    for made in (theirs, getattr(optim, theirs.__name__)):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(12, 2))
        net.double()
        # torch's Muon accepts matrices only.
        updated = [p for p in net.parameters() if p.dim() == 2 or theirs is not torch.optim.Muon]
        optimizer = made(updated, **{"lr": 1e-3, **options})
        for step in range(20):
            generator = torch.Generator().manual_seed(step)
            optimizer.zero_grad()
            net(torch.randn(5, 2, 4, 4, generator=generator, dtype=torch.float64)).square().mean().backward()
            optimizer.step()
        nets.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    assert torch.allclose(*nets, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("ours", "case"), ERRORS)
def test_the_errors_of_torch_are_raised(ours, case):
    given = case.optimizer_error_input
    for words, reason in NO_ERROR_HERE.items():
        if words in given.desc or words in given.kwargs:
            pytest.skip(reason)
    params = [torch.ones(1, requires_grad=True)] if given.params is None else given.params
    expect = pytest.warns if issubclass(case.error_type, Warning) else pytest.raises
    with expect(case.error_type):
        ours(params, **given.kwargs)
