"""Next-word transformer with a causal mask on the orders of a small restaurant.

Fault: none
Looks like: target_leak, since inputs and targets are the same words shifted by one, or plateau, since the loss stops well above zero; the mask hides the later words and the floor is what the guests decide.
"""

import random

import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(40)

DISHES = {
    "soup": "tomato onion lentil leek".split(),
    "pasta": "pesto carbonara arrabbiata".split(),
    "pizza": "margherita funghi marinara diavola napoli".split(),
    "salad": "green mixed".split(),
}
DRINKS = "water wine beer juice tea".split()


def order():
    dish = random.choice(list(DISHES))
    many = random.choice(["one", "two", "three"])
    drink = ["and", many, random.choice(DRINKS)] if random.random() < 0.7 else []
    return ["table", str(random.randint(1, 8)), many, dish, random.choice(DISHES[dish]), *drink, "please"]


words = [w for _ in range(2500) for w in order()]
vocab = sorted(set(words))
data = torch.tensor([vocab.index(w) for w in words])
context = 18  # clinic: 18 | 15


class Decoder(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.embed, self.place = nn.Embedding(len(vocab), dim), nn.Embedding(context, dim)
        block = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.unembed = nn.Linear(dim, len(vocab))

    def forward(self, x):
        n = x.size(1)
        mask = torch.triu(torch.full((n, n), float("-inf")), diagonal=1)
        return self.unembed(self.blocks(self.embed(x) + self.place(torch.arange(n)), mask=mask))


model = Decoder(dim=48, heads=4)  # clinic: dim=48 | dim=64
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
losses = []
for step in range(1, 401):
    start = torch.randint(len(data) - context, (24, 1))
    block = data[start + torch.arange(context + 1)]
    loss = nn.functional.cross_entropy(model(block[:, :-1]).transpose(1, 2), block[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % 50 == 0:
        print(f"step {step} loss {sum(losses[-50:]) / 50:.4f}")
