"""Ordinal regression of five grades with a latent score and ordered thresholds.

Field: ordinal regression
Metric: grade mae, lower is better; 1.124 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

GRADES = 5


class CumulativeLogit(nn.Module):
    """P(grade <= k) = sigmoid(threshold_k - score)."""

    def __init__(self, n_inputs):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(n_inputs, 32), nn.ReLU(), nn.Linear(32, 1))
        self.first = nn.Parameter(torch.tensor(-1.5))
        self.gaps = nn.Parameter(torch.full((GRADES - 2,), 0.5))

    def thresholds(self):
        """Increasing thresholds, from a first one and positive gaps."""
        steps = torch.cat([self.first.reshape(1), F.softplus(self.gaps)])
        return torch.cumsum(steps, dim=0)

    def forward(self, x):
        """Probability of every grade."""
        cdf = torch.sigmoid(self.thresholds() - self.score(x))
        below = torch.zeros(len(x), 1)
        above = torch.ones(len(x), 1)
        return torch.diff(torch.cat([below, cdf, above], dim=1), dim=1)


def nll(prob, grade):
    """Negative log-likelihood of the observed grades."""
    return -torch.log(prob[torch.arange(len(grade)), grade].clamp(min=1e-8)).mean()


def sample(n):
    """Grades from a latent quality with logistic noise."""
    x = torch.randn(n, 7)
    quality = 2.0 * x[:, 0] - 1.5 * x[:, 1] + 2.0 * torch.relu(x[:, 2]) + 1.5 * x[:, 3]
    u = torch.rand(n).clamp(1e-5, 1 - 1e-5)
    latent = quality + 0.5 * torch.log(u / (1 - u))
    return x, torch.bucketize(latent, torch.tensor([-2.5, -0.5, 1.5, 3.5]))


x_train, y_train = sample(3000)
x_test, y_test = sample(3000)
print("grades in training:", torch.bincount(y_train, minlength=GRADES).tolist())

model = CumulativeLogit(x_train.shape[1])
optimizer = torch.optim.RMSprop(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=25)
for epoch in range(25):
    for batch in torch.randperm(len(x_train)).split(100):
        optimizer.zero_grad()
        loss = nll(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
    scheduler.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  last batch nll {loss.item():.4f}")

print("thresholds:", [round(t, 2) for t in model.thresholds().tolist()])
with torch.no_grad():
    # the median of the predicted distribution minimises the absolute error
    cumulative = model(x_test).cumsum(dim=1)
    grade = (cumulative < 0.5).sum(dim=1)
mae = (grade - y_test).abs().float().mean().item()
print(f"grade mae {mae:.4f}")
