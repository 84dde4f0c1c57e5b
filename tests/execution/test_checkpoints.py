"""Loads of weights that leave tensors of the module unloaded, and prefixes that would match them."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.instrumentation.checkpoints import Checkpoints, find_prefix_difference
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script


class Wrapped(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def body() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))


def loading(*loads: tuple[nn.Module, dict], steps: int = 0) -> Record:
    """Return the record after the loads, at a step of the training."""
    record = Record()
    observer = SimpleNamespace(
        is_disabled=False,
        probe_runner=SimpleNamespace(budget=SimpleNamespace(is_spending=False)),
        modules=Modules(SourceTree(), lambda messages: None),
        send=record.extend,
        steps=steps,
        on_internal_error=raise_error,
    )
    checkpoints = Checkpoints(observer)
    for module, state in loads:
        checkpoints.weights_loaded(module, state, module.load_state_dict(state, strict=False), None)
    return record


def raise_error(error: Exception) -> None:
    raise error


def left(*loads: tuple[nn.Module, dict]) -> dict[str, facts.PartlyLoaded]:
    """Return the last fact of each place after the loads."""
    return loading(*loads).every(facts.PartlyLoaded)


def test_weights_loaded_before_the_first_step_are_counted():
    new_head = Wrapped(body=body(), new=nn.Linear(2, 4))
    state = Wrapped(body=body(), old=nn.Linear(2, 3)).state_dict()
    assert loading((new_head, state)).fact(facts.LoadedWeights) == facts.LoadedWeights(tensors=4, of=6)
    assert loading((new_head, {"a": torch.ones(3)})).fact(facts.LoadedWeights) is None
    assert loading((new_head, state), steps=1).fact(facts.LoadedWeights) is None  # for example, the best weights


def test_a_prefix_in_the_checkpoint_only_is_found():
    for name in ("module", "_orig_mod", "encoder.net"):
        state = {f"{name}.{key}": value for key, value in body().state_dict().items()} | {"head": torch.ones(1)}
        found = left((body(), state))["0"]
        assert (found.prefix, found.is_extra, found.names) == (f"{name}.", True, 4)
        assert (found.missing, found.of, found.first) == (4, 4, "0.weight")


def test_a_prefix_in_the_module_only_is_found():
    found = left((Wrapped(encoder=body(), head=nn.Linear(2, 1)), body().state_dict()))["0"]
    assert (found.prefix, found.is_extra, found.missing, found.names) == ("encoder.", False, 6, 4)


def test_without_matching_names_no_prefix_is_reported():
    found = left((body(), {"a": torch.ones(3), "b": torch.ones(2)}))["0"]
    assert found.prefix is None and found.missing == 4


def test_intended_partial_loads_are_not_reported():
    assert not left((body(), body().state_dict()))
    new_head = Wrapped(body=body(), new=nn.Linear(2, 4))
    assert not left((new_head, Wrapped(body=body(), old=nn.Linear(2, 3)).state_dict()))
    momentum_encoder = Wrapped(online=body(), target=body())
    assert not left((momentum_encoder, Wrapped(online=body()).state_dict()))  # no unexpected names


def test_a_later_load_of_the_missing_weights_is_recorded():
    net = body()
    wrapped = {f"module.{key}": value for key, value in net.state_dict().items()}
    assert left((net, wrapped), (net, body().state_dict()))["0"] == facts.PartlyLoaded(missing=0)
    assert left((net, wrapped), (net, wrapped))["0"].missing == 4


def test_tensors_of_other_shapes_do_not_match():
    own, given = body().state_dict(), {f"module.{key}": torch.ones(7) for key in body().state_dict()}
    assert find_prefix_difference(own, given, list(own), list(given)) is None


LOADS = """
import torch
from torch import nn
torch.manual_seed(0)
saved = nn.DataParallel(nn.Linear(3, 2)).state_dict()
net = nn.Linear(3, 2)
print(net.load_state_dict(saved, strict=False))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(8):
    optimizer.zero_grad()
    net(torch.randn(5, 3)).square().mean().backward()
    optimizer.step()
    net.load_state_dict({name: 1 * weight for name, weight in net.state_dict().items()})  # copies
"""


@pytest.mark.slow
def test_the_line_of_the_load_is_reported(observe, tmp_path):
    (tmp_path / "train.py").write_text(LOADS)
    record = observe(Script(tmp_path / "train.py", tmp_path))
    symptom = detect("weights_not_loaded", record)
    assert symptom is None  # A later load has loaded them.

    (tmp_path / "train.py").write_text("\n".join(line for line in LOADS.splitlines() if "# copies" not in line))
    symptom = detect("weights_not_loaded", observe(Script(tmp_path / "train.py", tmp_path)))
    assert symptom is not None and symptom.where is not None and symptom.where.line == 7
    assert "`weight` in the module but `module.weight` in the checkpoint" in symptom.sentence


OWN = """
import torch
from torch import nn

x = torch.randn(32, 4)
model, target, other = nn.Linear(4, 1), nn.Linear(4, 1), nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(8):
    optimizer.zero_grad()
    (model(x) - target(x).detach()).square().mean().backward()
    optimizer.step()
    if step == 3:
        stored = model.state_dict()
    if step > 3:
        LOAD
"""


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("target.load_state_dict(target.state_dict())", facts.OwnWeightsLoaded(2, "target", "model")),
        ("model.load_state_dict(stored)", facts.OwnWeightsLoaded(2, "model", "target")),
        ("other.load_state_dict(other.state_dict())", facts.OwnWeightsLoaded(2, "other", "")),
        ("target.load_state_dict(model.state_dict())", None),
        ("model.load_state_dict({k: v.clone() for k, v in stored.items()})", None),
    ],
)
def test_a_module_that_loads_its_own_weights_is_reported(observe, tmp_path, load, expected):
    path = tmp_path / "train.py"
    path.write_text(OWN.replace("LOAD", load))
    record = observe(Script(path, tmp_path, ()))
    assert record.fact(facts.OwnWeightsLoaded, "own0") == expected
    if expected:
        assert load in path.read_text().splitlines()[record.site("load_state_dict", "own0").line - 1]
