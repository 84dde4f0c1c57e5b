"""Two tables of factors complete a table of ratings."""

import torch
from torch import nn

SEED = 0
LR = 0.05

data = torch.Generator().manual_seed(5)
ratings = torch.randn(20, 3, generator=data) @ torch.randn(3, 15, generator=data)
ratings = ratings + 0.3 * torch.randn(20, 15, generator=data)
cells = torch.randperm(300, generator=data)
train, test = cells[:240], cells[240:]

torch.manual_seed(SEED)
users, items = nn.Embedding(20, 3), nn.Embedding(15, 3)
optimizer = torch.optim.AdamW([*users.parameters(), *items.parameters()], lr=LR)
for step in range(1, 91):
    picked = train[torch.randint(240, (40,))]
    predicted = (users(picked // 15) * items(picked % 15)).sum(1)
    loss = nn.functional.mse_loss(predicted, ratings.flatten()[picked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 9 == 0:
        with torch.no_grad():
            predicted = (users(test // 15) * items(test % 15)).sum(1)
            test_loss = nn.functional.mse_loss(predicted, ratings.flatten()[test]).item()
        print(f"step {step} test loss {test_loss:.6f}")
