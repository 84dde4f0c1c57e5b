import torch
import torch.nn as nn
import torch.optim as optim


class MultiTaskModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(6, 32), nn.Tanh())
        self.f1 = nn.Linear(32, 1)
        self.f2 = nn.Linear(32, 1)

    def forward(self, x):
        h = self.trunk(x)
        return [self.f1(h).squeeze(-1), self.f2(h).squeeze(-1)]


class MultiTaskLoss(nn.Module):
    """Homoscedastic weighting, eta = log sigma."""

    def __init__(self, model, loss_fn, eta):
        super().__init__()
        self.model = model
        self.loss_fn = loss_fn
        self.eta = nn.Parameter(torch.tensor(eta))

    def forward(self, inp, targets):
        outputs = self.model(inp)
        losses = [l(o, t) for l, o, t in zip(self.loss_fn, outputs, targets)]
        total = torch.Tensor(losses) * torch.exp(-self.eta) + self.eta
        return losses, total.sum()


torch.manual_seed(0)
x = torch.randn(1200, 6)
y1 = torch.sin(x[:, 0]) + 0.5 * x[:, 1]
y2 = 3.0 * x[:, 2] * torch.sigmoid(x[:, 3])
x_val, y1_val, y2_val = x[1000:], y1[1000:], y2[1000:]

mtl = MultiTaskLoss(MultiTaskModel(), [nn.MSELoss(), nn.MSELoss()], [0.0, 0.0])
optimizer = optim.Adam(mtl.parameters(), lr=3e-3)

for epoch in range(60):
    s1 = s2 = st = 0.0
    for i in torch.randperm(1000).split(50):
        optimizer.zero_grad()
        losses, total = mtl(x[i], [y1[i], y2[i]])
        total.backward()
        optimizer.step()
        s1 += losses[0].item()
        s2 += losses[1].item()
        st += total.item()
    if epoch % 6 == 0:
        print(f"epoch {epoch:2d} total {st / 20:+.4f} task1 {s1 / 20:.4f} task2 {s2 / 20:.4f} eta {mtl.eta.tolist()}")

with torch.no_grad():
    o1, o2 = mtl.model(x_val)
    print("val R2: task1 %.3f task2 %.3f" % (1 - ((o1 - y1_val) ** 2).mean() / y1_val.var(),
                                             1 - ((o2 - y2_val) ** 2).mean() / y2_val.var()))
