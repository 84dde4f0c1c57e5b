import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Network(nn.Module):
    def __init__(self, hidden=50):
        super(Network, self).__init__()
        self.inp = nn.Linear(1, hidden)
        self.mid = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.relu(self.inp(x))
        x = F.relu(self.mid(x))
        return self.out(x)


# volume of a box as a function of its side, in mm
side = torch.arange(1, 3001, dtype=torch.float32).unsqueeze(1)
volume = side ** 3
perm = torch.randperm(len(side))
train_idx, val_idx = perm[:2500], perm[2500:]

inputs, targets = side, volume

model = Network()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
mse = nn.MSELoss()

for step in range(1500):
    sel = train_idx[torch.randint(0, len(train_idx), (256,))]
    opt.zero_grad()
    loss = mse(model(inputs[sel]), targets[sel])
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print("step", step, "loss", loss.item())

with torch.no_grad():
    p = model(inputs[val_idx])
    t = targets[val_idx]
    r2 = 1 - ((p - t) ** 2).sum() / ((t - t.mean()) ** 2).sum()
print("validation R2 %.4f" % r2.item())
