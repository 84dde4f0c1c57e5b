"""Which loader a batch comes from is known, of one that the script lets go of at once, too."""

import gc

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from descend.doctor.observing.loaders import Loaders
from descend.doctor.record import Record, facts

DATA = TensorDataset(torch.arange(12.0))


def test_a_loader_that_nobody_keeps_is_known_by_what_draws_its_batches() -> None:
    sent: list = []
    loaders = Loaders(sent.append)
    made = DataLoader(DATA, batch_size=4, shuffle=True)
    loaders.made(made, "0")
    kept = DataLoader(DATA, batch_size=3)
    loaders.made(kept, "1")
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
def test_a_list_may_draw_the_examples(batch_size) -> None:
    loaders = Loaders(lambda messages: None)
    made = DataLoader(DATA, batch_size=batch_size, sampler=[3, 1, 2, 0])
    loaders.made(made, "0")
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
def test_why_the_mean_of_its_batches_is_not_tested_is_true(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    done = descend_here("show", "gradients", "train.py")
    assert done.returncode == 0, done.stderr
    assert "was not tested at the first weights: the DataLoader is gone that the batches came from" in done.stderr
