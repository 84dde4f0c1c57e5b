"""Unsupervised domain adaptation with a gradient reversal layer."""
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons


class ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


class DANN(nn.Module):
    def __init__(self, n_in=4, width=64):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, width), nn.ReLU())
        self.classifier = nn.Linear(width, 2)
        self.domain = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x, strength=0.0):
        f = self.features(x)
        return self.classifier(f), self.domain(ReverseGradient.apply(f, strength)).squeeze(1)


def make_domain(n, degrees, device_offset, seed):
    """Two moons seen by a device: rotated view plus two readings that depend on the device."""
    x, y = make_moons(n, noise=0.08, random_state=seed)
    a = math.radians(degrees)
    x = (x - [0.5, 0.25]) @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    readings = device_offset + 0.4 * np.random.default_rng(seed).standard_normal((n, 2))
    return torch.tensor(np.hstack([x, readings]), dtype=torch.float32), torch.tensor(y)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x)[0].argmax(1) == y).float().mean().item()


def train(xs, ys, xt, steps, adapt, seed=0, batch=64):
    torch.manual_seed(seed)
    model = DANN()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    track = 0.0
    for step in range(1, steps + 1):
        strength = min(1.0, step / (0.75 * steps)) if adapt else 0.0
        i, j = torch.randint(len(xs), (batch,)), torch.randint(len(xt), (batch,))
        class_logits, dom_s = model(xs[i], strength)
        _, dom_t = model(xt[j], strength)
        class_loss = F.cross_entropy(class_logits, ys[i])
        dom = torch.cat([dom_s, dom_t])
        domain_loss = F.binary_cross_entropy_with_logits(dom, torch.cat([torch.ones(batch), torch.zeros(batch)]))
        loss = class_loss + domain_loss
        opt.zero_grad()
        loss.backward()
        opt.step()
        track += domain_loss.item() / 200
        if step % 200 == 0:
            print(f"  step {step}  class {class_loss.item():.3f}  domain {track:.3f}")
            track = 0.0
    return model


def main():
    xs, ys = make_domain(600, degrees=0, device_offset=0.0, seed=1)
    xt, _ = make_domain(600, degrees=20, device_offset=0.8, seed=2)
    x_test, y_test = make_domain(400, degrees=20, device_offset=0.8, seed=3)
    print("source only")
    plain = train(xs, ys, xt, steps=600, adapt=False)
    print("adversarial")
    adapted = train(xs, ys, xt, steps=1600, adapt=True)
    print(f"target accuracy on unseen points: source only {accuracy(plain, x_test, y_test):.4f}, "
          f"adapted {accuracy(adapted, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
