"""Two columns on two workers, in training and in prediction, which see each other in the middle and at the top.

python -m torch.distributed.run --nproc-per-node 2 examples/spread/columns.py
"""

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from descend.parallel import GraphPartition


class Columns(nn.Module):
    def __init__(self):
        super().__init__()
        self.left1, self.right1 = nn.Conv2d(1, 8, 3), nn.Conv2d(1, 8, 3)
        self.left2, self.right2 = nn.Conv2d(16, 8, 3), nn.Conv2d(16, 8, 3)
        self.top = nn.Linear(2 * 8 * 4 * 4, 10)

    def forward(self, x):
        both = torch.cat([self.left1(x).relu(), self.right1(x).relu()], 1)
        left, right = self.left2(both).relu(), self.right2(both).relu()
        return self.top(torch.cat([left.flatten(1), right.flatten(1)], 1))


dist.init_process_group("gloo")
torch.manual_seed(0)
torch.set_num_threads(1)
pixels, digits = load_digits(return_X_y=True)
x, y = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(digits)

model = GraphPartition(Columns(), {"left1": 0, "left2": 0, "right1": 1, "right2": 1, "top": 0})
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for step in range(300):  # every worker draws the same batch
    chosen = torch.randint(0, 1500, (32,))
    optimizer.zero_grad()
    cross_entropy(model(x[chosen]), y[chosen]).backward()
    optimizer.step()

moved = model.post.bytes / 300
with torch.no_grad():
    right = (model(x[1500:]).argmax(1) == y[1500:]).float().mean()
if dist.get_rank() == 0:
    print(f"{right:.1%} of the held-out digits right; {moved / 1e3:.0f} kB moved in each step")
dist.destroy_process_group()
