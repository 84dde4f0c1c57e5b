"""The sum of a sequence by an LSTM.

Fault: examples_mixed
Fix: batch_first=True
"""

# can an LSTM learn to add up numbers?
import torch
import torch.nn as nn

torch.manual_seed(11)

N, T = 1024, 8
seqs = torch.rand(N, T, 1) * 2 - 1
targets = seqs.sum(dim=1)          # shape (N, 1)


class Adder(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden, num_layers=1)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        last = out[:, -1, :]
        return self.linear(last)


model = Adder()
loss_function = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(25):
    perm = torch.randperm(N)
    epoch_loss = 0
    n_batches = 0
    for start in range(0, N, 64):
        ids = perm[start:start + 64]
        optimizer.zero_grad()
        y_hat = model(seqs[ids])
        loss = loss_function(y_hat, targets[ids])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
        n_batches += 1
    print("Epoch: {:>3} Loss: {:.5f}".format(epoch, epoch_loss / n_batches))
