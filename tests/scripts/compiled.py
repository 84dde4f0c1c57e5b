import sys

import torch
import torch._dynamo
import torch.nn.functional as F
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(128, 6), torch.randint(0, 3, (128,))
plain = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
model = torch.compile(plain, backend=sys.argv[2])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
seen = OwnLog()
for step in range(10):
    i = torch.randint(0, 128, (32,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x[i]), y[i])
    loss.backward()
    optimizer.step()
    seen.loss(loss)


@torch.compile(backend=sys.argv[2])
def whole_step(inputs, labels):
    optimizer.zero_grad()
    loss = F.cross_entropy(plain(inputs), labels)
    loss.backward()
    optimizer.step()
    return loss


for step in range(4):
    seen.loss(whole_step(x[:32], y[:32]))
counters = torch._dynamo.utils.counters
seen.others["recompiles"] = sum(counters["recompiles"].values())
if sys.argv[2] != "inductor":  # which compiles more of its own when its cache is cold
    seen.others["graphs"] = dict(counters["stats"])
    seen.others["breaks"] = sum(counters["graph_break"].values())
seen.end(*plain.parameters())
