"""A model's loss as a function of its parameters is right and repeatable, and does not change the model."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, hessian
from torch.utils.data import DataLoader, TensorDataset

from descend.landscape import ends, loss_of, trained
from descend.landscape.spectrum import dense_hessian

X, Y = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64), torch.arange(50) % 3


def network(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), *layers, nn.Tanh(), nn.Linear(5, 3)).double()


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, 20, 3])  # one batch; a smaller last batch; more batches than stored graphs
def test_the_hessian_of_all_batches_is_that_of_all_examples(size: int) -> None:
    model = network()
    loss, at = loss_of(model, F.cross_entropy, DataLoader(TensorDataset(X, Y), size)), trained(model)
    sizes = [t.numel() for t in at]

    def whole(row: Tensor) -> Tensor:
        pieces = [piece.view_as(t) for piece, t in zip(row.split(sizes), at)]
        names = [name for name, _ in model.named_parameters()]
        return F.cross_entropy(functional_call(model, dict(zip(names, pieces)), (X,)), Y)

    matrix = hessian(whole)(torch.cat([t.reshape(-1) for t in at]))
    assert torch.allclose(dense_hessian(loss.hessian(at), at), matrix)
    assert loss.value(at) == pytest.approx(F.cross_entropy(model(X), Y).item())
    assert ends(loss.hessian(at), at).top[0].value == pytest.approx(torch.linalg.eigvalsh(matrix)[-1].item(), rel=1e-3)


def test_dropout_is_repeatable_and_the_model_is_not_changed() -> None:
    model = network(nn.BatchNorm1d(5), nn.Dropout(0.5))
    held = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loss, state = loss_of(model, F.cross_entropy, [(X, Y)]), torch.get_rng_state()
    first = loss.value(trained(model))
    assert loss.value(trained(model)) == first and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, held[name]) for name, tensor in model.state_dict().items())
    model.eval()
    assert loss.value(trained(model)) != first


def test_frozen_and_shared_parameters() -> None:
    model = network()
    model[0].requires_grad_(False)
    assert [t.shape for t in trained(model)] == [(3, 5), (3,)]
    tied = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)).double()
    tied[2].weight = tied[0].weight
    loss, at = loss_of(tied, F.mse_loss, [(X, X)]), trained(tied)
    assert len(at) == 3 and loss.value(at) == pytest.approx(F.mse_loss(tied(X), X).item())
    assert loss.gradient(at)[0].shape == (4, 4)


@pytest.mark.parametrize(("freeze", "batches"), [(True, [(X, Y)]), (False, [])])
def test_a_loss_without_batches_or_parameters_is_refused(freeze: bool, batches: list) -> None:
    model = network().requires_grad_(not freeze)
    with pytest.raises(ValueError, match="1 trained parameter and 1 batch"):
        loss_of(model, F.cross_entropy, batches)
