"""Which axis of a loader's batches holds the examples: the first one only if it has the loader's batch size."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
sources, targets = torch.randint(20, (160, 9)), torch.randint(20, (160, 9))


def time_first(rows):
    x, y = zip(*rows)
    return torch.stack(x, 1), torch.stack(y, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.rnn, self.out = nn.Embedding(20, 8), nn.GRU(8, 8), nn.Linear(8, 20)

    def forward(self, x):
        return self.out(self.rnn(self.table(x))[0])


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loader = DataLoader(list(zip(sources, targets)), batch_size=16, shuffle=True, collate_fn=COLLATE)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten()).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(("collate", "kind"), [("time_first", None), ("None", "recurrence")])
def test_a_batch_with_time_first_is_not_taken_for_a_batch_of_time_steps(observe, tmp_path, collate, kind):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("COLLATE", collate))
    found = observe(Script(path, tmp_path, ())).fact(facts.OrderDependence)
    assert (found and found.by) == kind
