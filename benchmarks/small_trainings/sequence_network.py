"""A recurrent network predicts the next value of a noisy wave."""

import torch
from torch import nn

SEED = 0
LR = 0.01

data = torch.Generator().manual_seed(4)
wave = torch.sin(torch.arange(260) * 0.7) + 0.2 * torch.randn(260, generator=data)
windows = wave.unfold(0, 9, 1)
inputs, targets = windows[:, :8, None], windows[:, 8:]

torch.manual_seed(SEED)
recurrent, head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)
optimizer = torch.optim.RMSprop([*recurrent.parameters(), *head.parameters()], lr=LR)
for step in range(1, 61):
    rows = torch.randint(180, (16,))
    loss = nn.functional.mse_loss(head(recurrent(inputs[rows])[0][:, -1]), targets[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 6 == 0:
        with torch.no_grad():
            test_loss = nn.functional.mse_loss(head(recurrent(inputs[188:])[0][:, -1]), targets[188:]).item()
        print(f"step {step} test loss {test_loss:.6f}")
