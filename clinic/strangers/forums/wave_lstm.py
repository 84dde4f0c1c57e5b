import numpy as np
import torch

torch.manual_seed(1)
np.random.seed(1)

L = 21
n_seq = 64
phase = np.random.rand(n_seq, 1) * 2 * np.pi
freq = 0.5 + np.random.rand(n_seq, 1)
grid = np.arange(L + 2)[None, :] / 4.0
series = np.sin(freq * grid + phase)
x = torch.tensor(series[:, :L], dtype=torch.float32).unsqueeze(2)
y = torch.tensor(series[:, 2:], dtype=torch.float32).unsqueeze(2)

lstm = torch.nn.LSTM(input_size=1, hidden_size=40, num_layers=1, batch_first=True)
linear = torch.nn.Linear(40, 1)
params = list(lstm.parameters()) + list(linear.parameters())
optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9)
criterion = torch.nn.MSELoss()

for j in range(400):
    output, _ = lstm(x)
    pred = linear(output)
    loss = criterion(pred, y)
    loss.backward()
    optimizer.step()
    if j % 20 == 0:
        print(j, loss.item())

with torch.no_grad():
    pred = linear(lstm(x)[0])
print("final mse:", criterion(pred, y).item(), " variance of the target:", y.var().item())
