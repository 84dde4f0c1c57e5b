"""Which loads leave weights behind, and whether a prefix would have brought them home."""

import pytest
import torch
from torch import nn

from descend.doctor.canon import CANON
from descend.doctor.observing.checkpoints import Checkpoints, renaming
from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.modules import Modules
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
    """The record after the loads, at a step of the training."""
    record = Record()
    mistakes: list[Exception] = []
    modules = Modules(SourceTree(), lambda messages: None)
    checkpoints = Checkpoints(modules, record.extend, lambda: steps, mistakes.append)
    for module, state in loads:
        checkpoints.loaded(module, state, module.load_state_dict(state, strict=False), None)
    assert not mistakes
    return record


def left(*loads: tuple[nn.Module, dict]) -> dict[str, facts.LeftUnloaded]:
    """The last fact of each place, after the loads."""
    return loading(*loads).every(facts.LeftUnloaded)


def test_what_is_loaded_before_the_first_step_is_counted():
    new_head = Wrapped(body=body(), new=nn.Linear(2, 4))
    state = Wrapped(body=body(), old=nn.Linear(2, 3)).state_dict()
    assert loading((new_head, state)).fact(facts.LoadedWeights) == facts.LoadedWeights(tensors=4, of=6)
    assert loading((new_head, {"a": torch.ones(3)})).fact(facts.LoadedWeights) is None
    assert loading((new_head, state), steps=1).fact(facts.LoadedWeights) is None  # the best weights, say


def test_a_prefix_that_the_checkpoint_alone_has():
    for name in ("module", "_orig_mod", "encoder.net"):
        state = {f"{name}.{key}": value for key, value in body().state_dict().items()} | {"head": torch.ones(1)}
        found = left((body(), state))["0"]
        assert (found.prefix, found.is_extra, found.names) == (f"{name}.", True, 4)
        assert (found.missing, found.of, found.first) == (4, 4, "0.weight")


def test_a_prefix_that_the_module_alone_has():
    found = left((Wrapped(encoder=body(), head=nn.Linear(2, 1)), body().state_dict()))["0"]
    assert (found.prefix, found.is_extra, found.missing, found.names) == ("encoder.", False, 6, 4)


def test_nothing_that_fits_under_any_name():
    found = left((body(), {"a": torch.ones(3), "b": torch.ones(2)}))["0"]
    assert found.prefix is None and found.missing == 4


def test_loads_that_mean_it():
    assert not left((body(), body().state_dict()))
    new_head = Wrapped(body=body(), new=nn.Linear(2, 4))
    assert not left((new_head, Wrapped(body=body(), old=nn.Linear(2, 3)).state_dict()))
    momentum_encoder = Wrapped(online=body(), target=body())
    assert not left((momentum_encoder, Wrapped(online=body()).state_dict()))  # nothing is unexpected


def test_a_load_that_brings_the_rest_later():
    net = body()
    wrapped = {f"module.{key}": value for key, value in net.state_dict().items()}
    assert left((net, wrapped), (net, body().state_dict()))["0"] == facts.LeftUnloaded(missing=0)
    assert left((net, wrapped), (net, wrapped))["0"].missing == 4


def test_other_shapes_are_other_tensors():
    own, given = body().state_dict(), {f"module.{key}": torch.ones(7) for key in body().state_dict()}
    assert renaming(own, given, list(own), list(given)) is None


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
    net.load_state_dict({**net.state_dict()})
"""


@pytest.mark.slow
def test_the_line_of_the_load(observe, tmp_path):
    (tmp_path / "train.py").write_text(LOADS)
    record = observe(Script(tmp_path / "train.py", tmp_path))
    symptom = CANON["weights_not_loaded"].look(record)
    assert symptom is None  # another load has brought them

    (tmp_path / "train.py").write_text(LOADS.replace("    net.load_state_dict({**net.state_dict()})\n", ""))
    symptom = CANON["weights_not_loaded"].look(observe(Script(tmp_path / "train.py", tmp_path)))
    assert symptom is not None and symptom.where is not None and symptom.where.line == 7
    assert "`weight`, the checkpoint `module.weight`" in symptom.sentence
