"""The XOR gate with a minimal network.

Fault: local_optima or narrow_layer
Fix: another seed (random restarts) or a wider hidden layer
"""

import torch

torch.manual_seed(0)
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
inputs = corners.repeat(50, 1) * 2 - 1 + 0.05 * torch.randn(200, 2)
answers = ((inputs[:, 0] > 0) != (inputs[:, 1] > 0)).float()


class Xor(torch.nn.Module):
    def __init__(self, hidden=2):
        super().__init__()
        self.hidden = torch.nn.Linear(2, hidden)
        self.gate = torch.nn.Linear(hidden, 1)

    def forward(self, z):
        return self.gate(torch.tanh(self.hidden(z))).flatten()


torch.manual_seed(6)  # clinic: 6 | 7 | 9
model = Xor()
loss_fn = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)  # clinic: 0.05 | 0.1 | 0.07
for step in range(400):  # clinic: 400 | 300 | 600
    optimizer.zero_grad()
    loss = loss_fn(model(inputs), answers)
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        right = ((model(inputs) > 0).float() == answers).float().mean()
        print(f"{step + 1:4d} loss {loss.item():.4f} right {right.item():.2f}")
