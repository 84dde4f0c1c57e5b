"""A two-headed network names the kind of a wave and regresses its log frequency; learnt uncertainties weigh the losses.

Field: multi-task learning
Metric: joint score, higher is better; 0 without learning
"""

import math

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import cohen_kappa_score, r2_score

torch.manual_seed(0)

LENGTH = 48
N_TRAIN, N_TEST = 1600, 500


def make_waves(n):
    """Sine, square and sawtooth waves with random frequency, phase and amplitude."""
    t = torch.linspace(0, 1, LENGTH)
    kind = torch.randint(0, 3, (n,))
    log_freq = math.log(2.0) + (math.log(6.0) - math.log(2.0)) * torch.rand(n)
    phase = (log_freq.exp()[:, None] * t + torch.rand(n, 1)) % 1.0
    sine = torch.sin(2 * math.pi * phase)
    square = torch.where(phase < 0.5, 1.0, -1.0)
    saw = 2 * phase - 1
    wave = torch.stack([sine, square, saw], dim=1)[torch.arange(n), kind]
    amplitude = 0.7 + 0.6 * torch.rand(n, 1)
    return (amplitude * wave + 0.1 * torch.randn(n, LENGTH)).unsqueeze(1), kind, log_freq


class TwoHeads(nn.Module):
    """Shared convolutions, one head for each task, one log variance for each loss."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(
            nn.Conv1d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Flatten(),
            nn.Linear(32 * (LENGTH // 4), 64),
            nn.ReLU(),
        )
        self.kind_head = nn.Linear(64, 3)
        self.freq_head = nn.Linear(64, 1)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        """Class logits and the standardised log frequency."""
        h = self.shared(x)
        return self.kind_head(h), self.freq_head(h).squeeze(1)

    def weigh(self, class_loss, regression_loss):
        """Kendall, Gal and Cipolla: precision times loss plus half the log variance."""
        s_class, s_reg = self.log_var
        return torch.exp(-s_class) * class_loss + 0.5 * torch.exp(-s_reg) * regression_loss + 0.5 * (s_class + s_reg)


x_train, kind_train, freq_train = make_waves(N_TRAIN)
x_test, kind_test, freq_test = make_waves(N_TEST)
mean, std = freq_train.mean(), freq_train.std()

net = TwoHeads()
optimizer = torch.optim.Adam(
    [{"params": [p for name, p in net.named_parameters() if name != "log_var"]}, {"params": [net.log_var], "lr": 1e-2}],
    lr=2e-3,
)
cross_entropy, mse = nn.CrossEntropyLoss(), nn.MSELoss()

for epoch in range(7):
    net.train()
    perm = torch.randperm(N_TRAIN)
    for start in range(0, N_TRAIN, 50):
        idx = perm[start : start + 50]
        logits, freq = net(x_train[idx])
        class_loss = cross_entropy(logits, kind_train[idx])
        regression_loss = mse(freq, (freq_train[idx] - mean) / std)
        loss = net.weigh(class_loss, regression_loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 2 == 0:
        sigma = torch.exp(0.5 * net.log_var.detach()).tolist()
        print(f"epoch {epoch} loss {loss.item():.3f} sigmas {sigma[0]:.3f} {sigma[1]:.3f}")

net.eval()
with torch.no_grad():
    logits, freq = net(x_test)
kappa = cohen_kappa_score(kind_test.numpy(), logits.argmax(1).numpy())
r2 = r2_score(freq_test.numpy(), (freq * std + mean).numpy())
print(f"kappa of the kind {kappa:.4f}, R2 of the log frequency {r2:.4f}")
print(f"joint score {np.mean([kappa, r2]):.4f}")
