import torch
from torch import nn, optim

torch.manual_seed(0)
x = torch.linspace(-3, 3, 300).unsqueeze(1)
y = torch.sin(2 * x) * torch.exp(-0.2 * x ** 2) + 0.5 * x + 0.05 * torch.randn_like(x)


class FitNet(nn.Module):
    def __init__(self, in_dim=1, hidden=64):
        super().__init__()
        self.norm_in = nn.LayerNorm(in_dim)
        self.fc1 = nn.Linear(in_dim, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, 1)
        self.act = nn.GELU()

    def forward(self, x):
        x = self.norm_in(x)
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


model = FitNet()
opt = optim.AdamW(model.parameters(), lr=3e-3)
sched = optim.lr_scheduler.CosineAnnealingLR(opt, T_max=1000)
loss_fn = nn.MSELoss()

for step in range(1, 1001):
    opt.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    opt.step()
    sched.step()
    if step % 100 == 0:
        print(step, f"{loss.item():.5f}")

print("variance of y:", y.var().item())
