"""A recurrent network that estimates the mean of a long noisy series.

Fault: exploding_gradients or bad_initialisation
Fix: an orthogonal (or smaller) recurrent matrix, and gradient clipping
"""

import torch
import torch.nn as nn


class MeanEstimator(nn.Module):
    def __init__(self, hidden_size=32):  # clinic: hidden_size=32 | hidden_size=24 | hidden_size=48
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        nn.init.normal_(self.rnn.weight_hh_l0, std=0.4)  # clinic: std=0.4 | std=0.5

    def forward(self, series):
        output, _ = self.rnn(series)
        return self.fc(output[:, -1, :])


torch.manual_seed(9)
levels = torch.rand(480, 1) * 2 - 1
series = levels.unsqueeze(1) + 0.3 * torch.randn(480, 40, 1)

estimator = MeanEstimator()
optimizer = torch.optim.Adam(estimator.parameters(), lr=2e-3)  # clinic: lr=2e-3 | lr=1e-3 | lr=3e-3
mse = nn.MSELoss()
for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(480).split(32):
        optimizer.zero_grad()
        loss = mse(estimator(series[idx]), levels[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print("epoch", epoch, "mse", total / 480)
