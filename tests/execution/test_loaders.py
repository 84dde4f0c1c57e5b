"""The loader of each batch is identified, even after the script has freed it."""

import gc

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from descend.doctor.instrumentation.loaders import Loaders
from descend.doctor.record import Record, facts

DATA = TensorDataset(torch.arange(12.0))


def test_a_freed_loader_is_identified_by_its_batch_sampler() -> None:
    sent: list = []
    loaders = Loaders(sent.append)
    made = DataLoader(DATA, batch_size=4, shuffle=True)
    loaders.add(made, "0")
    kept = DataLoader(DATA, batch_size=3)
    loaders.add(kept, "1")
    iterator = iter(made)
    assert loaders.key(iterator) == "0" and loaders.loader("0") is made
    del made
    gc.collect()
    assert loaders.key(iterator) == "0" and loaders.loader("0") is None
    assert loaders.key(iter(kept)) == "1" and loaders.loader("1") is kept
    assert loaders.key(iter(DataLoader(DATA))) is None
    record = Record()
    record.extend(fact for [fact] in sent)
    assert record.every(facts.Loader) == {"0": facts.Loader(True, 4, 12), "1": facts.Loader(False, 3, 12)}


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_list_can_be_the_sampler_of_a_loader(batch_size) -> None:
    loaders = Loaders(lambda messages: None)
    made = DataLoader(DATA, batch_size=batch_size, sampler=[3, 1, 2, 0])
    loaders.add(made, "0")
    assert loaders.key(iter(made)) == "0"


SCRIPT = """
import torch
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(64, 3)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(4):
    for a, b in DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(a), b).backward()
        optimizer.step()
"""


@pytest.mark.slow
def test_the_report_names_why_the_batch_mean_is_not_tested(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    done = descend_here("lab", "gradients", "train.py")
    assert done.returncode == 0, done.stderr
    assert "not tested for bias at the first weights: the DataLoader of the batches has been deleted" in done.stderr
