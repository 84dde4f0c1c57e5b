import numpy as np
import torch
from torch.utils import data

rng = np.random.RandomState(0)
n = 500
lstat = rng.gamma(4, 3.2, n)
crim = rng.exponential(3.6, n)
rm = rng.normal(6.3, 0.7, n)
tax = rng.choice([220., 300., 400., 660.], n)
medv = 22 + 6.5 * (rm - 6.3) - 0.6 * (lstat - 12.6) - 0.15 * crim - 0.012 * (tax - 400) + rng.normal(0, 2, n)

features = np.stack([lstat, crim, rm, tax], axis=1)
features = torch.tensor(features, dtype=torch.float32)
labels = torch.tensor(medv, dtype=torch.float32).reshape(-1, 1)

torch.manual_seed(0)
data_iter = data.DataLoader(data.TensorDataset(features, labels), batch_size=10, shuffle=True)

net = torch.nn.Sequential(torch.nn.Linear(4, 1))
net[0].weight.data.normal_(0, 0.01)
net[0].bias.data.fill_(0)
loss = torch.nn.MSELoss()
trainer = torch.optim.SGD(net.parameters(), lr=0.003)

num_epochs = 20
for epoch in range(num_epochs):
    for X, y in data_iter:
        l = loss(net(X), y)
        trainer.zero_grad()
        l.backward()
        trainer.step()
    with torch.no_grad():
        l = loss(net(features), labels)
    print(f"epoch {epoch + 1}, loss {l:f}")
print("w", net[0].weight.data, "b", net[0].bias.data)
