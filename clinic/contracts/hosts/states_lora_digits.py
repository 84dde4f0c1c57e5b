"""Low-rank adapters that carry a small transformer from upright digits over to transposed images of other digits.

Field: parameter-efficient fine-tuning
Metric: test negative log likelihood, lower is better; 1.750 without learning
"""

import copy
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.checkpoint import checkpoint


class LowRankLinear(nn.Linear):
    """A linear layer with an optional low-rank update."""

    def __init__(self, n_in, n_out, rank=0, scale=2.0):
        super().__init__(n_in, n_out)
        self.rank, self.scale = rank, scale
        if rank:
            self.lora_a = nn.Parameter(torch.randn(rank, n_in) / n_in**0.5)
            self.lora_b = nn.Parameter(torch.zeros(n_out, rank))

    def forward(self, x):
        """Apply the weight and the update."""
        out = super().forward(x)
        return out + self.scale * (x @ self.lora_a.T) @ self.lora_b.T if self.rank else out

    @torch.no_grad()
    def merge(self):
        """Add the update to the weight."""
        self.weight += self.scale * self.lora_b @ self.lora_a
        self.rank = 0


class Block(nn.Module):
    """Attention and a feed-forward layer, both with residual connections."""

    def __init__(self, width, rank):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = LowRankLinear(width, 3 * width, rank)
        self.up, self.down = LowRankLinear(width, 2 * width, rank), LowRankLinear(2 * width, width, rank)

    def forward(self, h):
        """Map (batch, rows, width) to the same shape."""
        q, k, v = self.qkv(self.norm_1(h)).chunk(3, dim=-1)
        h = h + F.scaled_dot_product_attention(q, k, v)
        return h + self.down(F.gelu(self.up(self.norm_2(h))))


class RowEncoder(nn.Module):
    """A transformer over the eight rows of an image."""

    def __init__(self, width=16, depth=2, rank=0):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("std", torch.ones(8))
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(0.1 * torch.randn(8, width))
        self.blocks = nn.ModuleList([Block(width, rank) for _ in range(depth)])

    def forward(self, x):
        """Return one vector per image."""
        h = self.embed((x - self.mean) / self.std) + self.position
        for block in self.blocks:
            h = checkpoint(block, h, use_reentrant=False)
        return h.mean(dim=1)


def fit(encoder, head, train, valid, epochs, lr):
    """Train on cross entropy and return the weights with the lowest validation loss."""
    (x, y), (x_valid, y_valid) = train, valid
    parameters = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    best, weights = float("inf"), None
    for epoch in range(1, epochs + 1):
        for index in torch.randperm(len(x)).split(25):
            loss = F.cross_entropy(head(encoder(x[index])), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            score = F.cross_entropy(head(encoder(x_valid)), y_valid).item()
        if score < best:
            best = score
            weights = copy.deepcopy({"encoder": encoder.state_dict(), "head": head.state_dict()})
        if epoch % 10 == 0:
            print(f"epoch {epoch}  train {loss.item():.4f}  validation {score:.4f}  best {best:.4f}")
    return weights


def main():
    """Pretrain on digits 0 to 4, adapt to digits 5 to 9, merge the adapters and test."""
    torch.manual_seed(0)
    images, labels = (torch.tensor(a) for a in load_digits(return_X_y=True))
    images = images.view(-1, 8, 8).float()
    old = torch.nonzero(labels < 5).squeeze(1)
    new = torch.nonzero(labels >= 5).squeeze(1)[torch.randperm(int((labels >= 5).sum()))]
    x_old, y_old = images[old], labels[old]
    x_new, y_new = images[new].transpose(1, 2), labels[new] - 5
    train, valid = (x_new[:250], y_new[:250]), (x_new[250:400], y_new[250:400])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pretrained.pt"
        pretrained, head = RowEncoder(), nn.Linear(16, 5)
        pretrained.mean.copy_(x_old.mean(dim=(0, 1)))
        pretrained.std.copy_(x_old.std(dim=(0, 1)) + 1.0)
        weights = fit(pretrained, head, (x_old[:700], y_old[:700]), (x_old[700:], y_old[700:]), 10, 4e-3)
        torch.save(weights["encoder"], path)

        adapted, head = RowEncoder(rank=4), nn.Linear(16, 5)
        adapted.load_state_dict(torch.load(path), strict=False)

    for name, p in adapted.named_parameters():
        p.requires_grad_("lora" in name)
    weights = fit(adapted, head, train, valid, 40, 6e-3)
    adapted.load_state_dict(weights["encoder"])
    head.load_state_dict(weights["head"])
    for module in adapted.modules():
        if isinstance(module, LowRankLinear):
            module.merge()

    served = RowEncoder()
    served.load_state_dict(adapted.state_dict(), strict=False)
    with torch.no_grad():
        logits = head(served(x_new[400:]))
    print(f"test accuracy {(logits.argmax(dim=1) == y_new[400:]).float().mean().item():.4f}")
    print(f"test negative log likelihood {F.cross_entropy(logits, y_new[400:]).item():.4f}")


if __name__ == "__main__":
    main()
