"""Linear regression on noisy data."""

import torch

SEED = 0
LR = 0.1

data = torch.Generator().manual_seed(0)
inputs = torch.randn(160, 8, generator=data)
targets = inputs @ torch.randn(8, 1, generator=data) + 0.5 * torch.randn(160, 1, generator=data)

torch.manual_seed(SEED)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for step in range(1, 61):
    rows = torch.randint(120, (8,))
    loss = torch.nn.functional.mse_loss(model(inputs[rows]), targets[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 6 == 0:
        with torch.no_grad():
            test_loss = torch.nn.functional.mse_loss(model(inputs[120:]), targets[120:]).item()
        print(f"step {step} test loss {test_loss:.6f}")
