"""Logistic regression on overlapping classes."""

import torch

SEED = 0
LR = 0.1

data = torch.Generator().manual_seed(1)
inputs = torch.randn(200, 10, generator=data)
logits = inputs @ torch.randn(10, generator=data)
labels = torch.bernoulli(torch.sigmoid(logits), generator=data)

torch.manual_seed(SEED)
model = torch.nn.Linear(10, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for step in range(1, 61):
    rows = torch.randint(150, (10,))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs[rows])[:, 0], labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 6 == 0:
        with torch.no_grad():
            outputs = model(inputs[150:])[:, 0]
            test_loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs, labels[150:]).item()
        print(f"step {step} test loss {test_loss:.6f}")
