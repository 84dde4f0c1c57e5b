import numpy as np
import torch
from torch import nn

torch.manual_seed(1)

x = np.array([[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
y = np.array([[-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 9.0]])
x = torch.tensor(x.reshape(7, 1), dtype=torch.float32)
y = torch.tensor(y.reshape(7, 1), dtype=torch.float32)

H1, H2 = 4, 2


class Model2(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense_1 = nn.Linear(1, H1)
        self.dense_2 = nn.Linear(H1, H2)
        self.dense_3 = nn.Linear(H2, 1)
        self.act = nn.ReLU()

    def forward(self, inp):
        h = self.act(self.dense_1(inp))
        h = self.act(self.dense_2(h))
        return self.act(self.dense_3(h))


model_2 = Model2()
opt = torch.optim.Adam(model_2.parameters(), lr=0.001)
mse = nn.MSELoss()
for epoch in range(500):
    opt.zero_grad()
    loss = mse(model_2(x), y)
    loss.backward()
    opt.step()
    if epoch % 50 == 0:
        print("epoch", epoch, "loss", loss.item())
print("last loss", loss.item())
print("f(10) =", model_2(torch.tensor([[10.0]])).item())
