"""The code of `descend explain`: every problem has a short example that runs, and the faulty code shows the fault."""

import ast
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from descend.doctor.assess.step_sizes import OUTRUN
from descend.doctor.catalog import CATALOG
from descend.doctor.symptoms import (
    blocked_signal,
    dead_units,
    saturated_units,
    schedule,
    slow_progress,
    unbalanced_terms,
    vanishing_gradients,
)

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
LONGEST = 8  # lines of code, except for a hand-written backward pass
WIDEST = 78  # columns: 80 without the indentation


def training_names() -> dict[str, Any]:
    """Return the names that the examples use, as a training script would define them: 64 examples with 8 features."""
    torch.manual_seed(0)
    inputs, targets, many = torch.randn(64, 8), torch.arange(64) % 3, torch.randn(1000, 8)
    model = nn.Sequential(nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    outputs = model(inputs)
    F.cross_entropy(outputs, targets).backward(retain_graph=True)
    table = inputs.clone()
    table[0, 0] = math.nan
    return {
        "torch": torch, "nn": nn, "F": F, "DataLoader": torch.utils.data.DataLoader,
        "SelectKBest": pytest.importorskip("sklearn.feature_selection").SelectKBest,
        "StandardScaler": pytest.importorskip("sklearn.preprocessing").StandardScaler,
        "PCA": pytest.importorskip("sklearn.decomposition").PCA,
        "inputs": inputs, "targets": targets, "train": inputs, "test": inputs, "table": table.numpy(),
        "dataset": torch.utils.data.TensorDataset(inputs, targets), "loader": [(inputs, targets)] * 20, "epochs": 3,
        "model": model, "layer": nn.Linear(8, 8), "fc1": nn.Linear(8, 32), "fc2": nn.Linear(32, 3),
        "encoder": nn.Linear(8, 4), "decoder": nn.Linear(4, 8), "rnn": nn.RNN(8, 8), "decoder_rnn": nn.GRU(8, 8),
        "embedding": nn.Embedding(9, 8), "users": nn.Embedding(6, 3), "items": nn.Embedding(5, 3),
        "optimizer": optimizer, "training_step": lambda inputs, targets: optimizer.step(),
        "evaluate": lambda model: 1.0, "rank": 0,
        "outputs": outputs, "predictions": torch.zeros(64, 1, requires_grad=True),
        "loss": torch.ones((), requires_grad=True),
        "images": torch.randn(64, 3), "mean": torch.zeros(64, 3), "log_variance": torch.zeros(64, 3),
        "values": torch.randn(64), "labels": targets > 0, "prices": torch.randn(64, 1),
        "tokens": torch.arange(20).reshape(4, 5) % 9, "sequences": torch.randn(5, 4, 8),
        "previous": torch.randn(5, 4, 8), "state": torch.zeros(1, 4, 8),
        "features": many.numpy(), "classes": torch.arange(1000) % 3, "spectra": many.numpy(),
        "rows": [{"customer_id": 1, "order_id": 2, "area": 80.0, "age": 12.0}],
        "scores": outputs, "boxes": outputs, "target_boxes": torch.randn(64, 3),
        "anchor": inputs, "positive": inputs + 1, "negative": inputs - 1,
    }  # fmt: skip


def other_names(problem: str) -> dict[str, Any]:
    """Return the names to which the example of one problem gives another meaning than those of the other problems."""
    one_of_two = torch.arange(64 * 3).reshape(64, 3) % 2 * 2.0 - 1  # labels -1 and 1
    price = torch.randn(64, 1)
    price[5] = 1e6
    return {
        "eval_mode": {"train": lambda model: None},
        "overfitting": {"train": lambda model: None},
        "local_optima": {"train": lambda model: model, "training_loss": lambda model: float(model[0].bias.sum())},
        "labels_wrong": {"labels": one_of_two, "outputs": 10 * one_of_two},
        "outliers": {"prices": price},
        "plateau": {"labels": torch.rand(64, 3).round()},
        "unbounded_loss": {"targets": torch.randn(64, 3), "log_variance": torch.full((64, 3), 100.0)},
        "unreachable_loss": {"targets": torch.randn(64, 3)},
    }.get(problem, {})


def has_stepped_far(names: dict[str, Any], far: float) -> bool:
    """Return whether a step of the optimizer is longer than this multiple of the weights' norm."""
    weight = names["model"][0].weight
    earlier = weight.detach().clone()
    F.cross_entropy(names["model"](names["inputs"]), names["targets"]).backward()
    names["optimizer"].step()
    return bool((weight - earlier).norm() > far * earlier.norm())


def passes_little_back(names: dict[str, Any]) -> bool:
    """Return whether the last call before `hidden` passes back less than half of the gradient norm."""
    norms: list[float] = []
    names["hidden"].grad_fn.register_hook(lambda below, above: norms.extend((below[0].norm(), above[0].norm())))
    F.cross_entropy(names["outputs"], names["targets"]).backward()
    return norms[0] < blocked_signal.LITTLE * norms[1]


def has_dead_units(names: dict[str, Any]) -> bool:
    """Return whether at least half of a layer's ReLUs are inactive on all examples after 20 steps."""
    model, inputs, optimizer = names["model"], names["inputs"], names["optimizer"]
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), names["targets"]).backward()
        optimizer.step()
    shares = [(model[:end](inputs) == 0).all(0).float().mean() for end in (2, 4)]
    return bool(max(shares) >= dead_units.DEAD_LAYER)


def has_vanishing_gradients(names: dict[str, Any]) -> bool:
    """Return whether the gradient norm of the first layer is a tiny share of the largest one."""
    names["model"](torch.randn(64, 32)).square().mean().backward()
    norms = [weight.grad.norm() for weight in names["model"].parameters() if weight.ndim > 1]
    return bool(norms[0] < vanishing_gradients.SMALL * max(norms))


def has_unbalanced_terms(names: dict[str, Any]) -> bool:
    """Return whether the gradient norms of the two loss terms differ at least tenfold."""
    terms, weight = [names["class_loss"], names["box_loss"]], names["model"][0].weight
    factors = torch.autograd.grad(names["loss"], terms, retain_graph=True)
    norms = [torch.autograd.grad(f * t, weight, retain_graph=True)[0].norm() for f, t in zip(factors, terms)]
    return bool(max(norms) >= unbalanced_terms.BOUND * min(norms))


def depends_on_next_tokens(names: dict[str, Any]) -> bool:
    """Return whether the output at the first position depends on the embedding of the last token."""
    names["hidden"][0, 0].square().sum().backward()
    last = names["inputs"][0, -1]
    return bool(names["embedding"].weight.grad[last].any())


def outlier_share(names: dict[str, Any]) -> float:
    """Return the share of the wrong price in the gradients of all examples."""
    names["loss"].backward()
    gradients = names["predictions"].grad.abs()
    return float(gradients.max() / gradients.sum())


# For the problem of each example: whether the names that the code leaves show the fault.
FAULTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "bad_data": lambda names: bool(names["inputs"].isnan().any()),
    "blocked_signal": passes_little_back,
    "copy_not_updated": lambda names: not torch.equal(names["average"].module[0].bias, names["model"][0].bias),
    "dead_units": has_dead_units,
    "instability": lambda names: has_stepped_far(names, OUTRUN),
    "labels_wrong": lambda names: bool(names["loss"] < 0),
    "outliers": lambda names: outlier_share(names) > 0.5,
    "saturated_units": lambda names: float((1 - names["hidden"] ** 2 < 0.01).float().mean()) >= saturated_units.SHARE,
    "schedule": lambda names: names["optimizer"].param_groups[0]["lr"] < schedule.TINY * 0.1,
    "slow_progress": lambda names: not has_stepped_far(names, slow_progress.STILL),
    "target_leak": depends_on_next_tokens,
    "unbalanced_terms": has_unbalanced_terms,
    "unbounded_loss": lambda names: bool(names["loss"] < 0),
    "vanishing_gradients": has_vanishing_gradients,
    "weights_not_loaded": lambda names: not torch.equal(names["model"][0].bias, torch.load("pretrained.pt")["0.bias"]),
}


def run(problem: str, source: str) -> dict[str, Any]:
    """Run the code of an example and return the names that it uses and defines."""
    names = training_names() | other_names(problem)
    trained = {name: weight + 1 for name, weight in names["model"].state_dict().items()}
    torch.save(trained, "pretrained.pt")
    torch.save({f"module.{name}": weight for name, weight in trained.items()}, "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A faulty line may warn, as the broadcasting loss does.
        exec(compile(source, problem, "exec"), names)
    return names


@pytest.mark.parametrize("problem", CATALOG)
def test_an_example_is_short_and_fits_the_terminal(problem):
    example = CATALOG[problem].example
    for source in (example.faulty, example.fixed):
        lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert len(lines) <= LONGEST or any(isinstance(node, ast.ClassDef) for node in ast.parse(source).body)
        assert max(map(len, source.splitlines())) <= WIDEST
    assert ast.dump(ast.parse(example.faulty)) != ast.dump(ast.parse(example.fixed))


@pytest.mark.parametrize("problem", CATALOG)
def test_the_example_of_a_problem_runs_with_and_without_the_fault(problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = CATALOG[problem].example
    run(problem, example.faulty)
    run(problem, example.fixed)


@pytest.mark.parametrize("problem", FAULTS)
def test_only_the_faulty_code_shows_the_fault(problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = CATALOG[problem].example
    assert FAULTS[problem](run(problem, example.faulty))
    assert not FAULTS[problem](run(problem, example.fixed))


def test_the_examples_of_wrong_gradients_disagree_and_agree_with_finite_differences():
    example = CATALOG["incorrect_gradients"].example
    point = torch.tensor([0.3, 1.7], dtype=torch.float64, requires_grad=True)
    for source, is_right in ((example.faulty, False), (example.fixed, True)):
        names = {"torch": torch}
        exec(source, names)
        assert torch.autograd.gradcheck(names["Square"].apply, point, raise_exception=False) is is_right
