import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
body, head = nn.Linear(6, 12), nn.Linear(12, 1)
optimizer = torch.optim.SGD(head.parameters(), lr=0.05)
body.double()
head.double()  # the optimizer was made before
x, y = torch.randn(64, 6).double(), torch.randn(64, 1).double()
seen = OwnLog()
for step in range(30):
    if step == 12:
        optimizer.add_param_group({"params": body.parameters(), "lr": 0.01})
    i = torch.randint(0, 64, (16,))
    optimizer.zero_grad()
    loss = (head(body(x[i]).tanh()) - y[i]).square().mean()
    loss.backward()
    optimizer.step()
    seen.loss(loss)
seen.end(*body.parameters(), *head.parameters())
