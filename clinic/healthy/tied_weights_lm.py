"""Next-word model with a GRU whose output layer shares its weights with the embedding.

Fault: none
Looks like: parameters_not_in_optimizer or a doubled parameter, since two layers hold one and the same weight; weight tying is deliberate.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)  # clinic: seed(2) | seed(22)

V, T = 120, 20
transition = torch.softmax(3.0 * torch.randn(V, V), dim=1)


def chains(batch):
    tokens = [torch.randint(V, (batch,))]
    for _ in range(T):
        tokens.append(torch.multinomial(transition[tokens[-1]], 1).squeeze(1))
    return torch.stack(tokens, dim=1)


class TiedLM(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.Linear(dim, vocab)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.decoder.weight = self.embed.weight

    def forward(self, tokens):
        hidden, _ = self.gru(self.embed(tokens))
        return self.decoder(hidden)


corpus = chains(2000)
lm = TiedLM(V, 64)  # clinic: TiedLM(V, 64) | TiedLM(V, 96)
adam = torch.optim.Adam(lm.parameters(), lr=1e-2)  # clinic: lr=1e-2 | lr=8e-3

running = None
for step in range(1, 401):
    batch = corpus[torch.randint(len(corpus), (32,))]
    logits = lm(batch[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, V), batch[:, 1:].reshape(-1))
    adam.zero_grad()
    loss.backward()
    adam.step()
    running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
    if step % 80 == 0:
        print(f"step {step}: smoothed loss {running:.3f}")
stationary = torch.matrix_power(transition, 50)[0]
print(f"entropy rate of the source: {-(stationary[:, None] * transition * transition.log()).sum().item():.3f}")
