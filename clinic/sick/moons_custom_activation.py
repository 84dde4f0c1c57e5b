"""Half moons with a hand-written activation function.

Fault: incorrect_gradients
Fix: the derivative of tanh is 1 - tanh(x) ** 2
"""

import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, TensorDataset


class ScaledTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = torch.tanh(x)
        ctx.save_for_backward(x, out)
        return 1.7 * out

    @staticmethod
    def backward(ctx, grad_output):
        x, out = ctx.saved_tensors
        return 1.7 * grad_output * (out**2 - 1)


class Act(nn.Module):
    def forward(self, x):
        return ScaledTanh.apply(x)


def make_net(width, depth):
    modules, n = [], 2
    for _ in range(depth):
        modules += [nn.Linear(n, width), Act()]
        n = width
    return nn.Sequential(*modules, nn.Linear(n, 2))


def main():
    torch.manual_seed(0)
    pts, cls = make_moons(800, noise=0.12, random_state=0)
    x = torch.tensor((pts - pts.mean(0)) / pts.std(0), dtype=torch.float32)
    y = torch.tensor(cls)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    net = make_net(width=12, depth=2)  # clinic: width=12 | width=8 | width=16
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)  # clinic: lr=0.05 | lr=0.03 | lr=0.1
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(15):
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = loss_fn(net(xb), yb)
            loss.backward()
            optimizer.step()
        if epoch % 3 == 2:
            with torch.no_grad():
                logits = net(x)
                acc = (logits.argmax(1) == y).float().mean()
                print(f"epoch {epoch + 1}: loss {loss_fn(logits, y):.4f}, accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
