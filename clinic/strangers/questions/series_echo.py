import numpy as np
import torch

torch.manual_seed(2)

lstm = torch.nn.LSTM(input_size=1, hidden_size=100, num_layers=1, batch_first=True).to(torch.double)
linear = torch.nn.Linear(100, 1).to(torch.double)
criterion = torch.nn.MSELoss()
params = list(lstm.parameters()) + list(linear.parameters())
optimizer = torch.optim.SGD(params, lr=1e-2)

L = 21
x = torch.tensor(np.arange(L) / 20, dtype=torch.double).unsqueeze(0).unsqueeze(2)
y = torch.tensor(np.arange(2, L + 2) / 20, dtype=torch.double)

for j in range(500):
    hidden = (torch.zeros((1, 1, 100), dtype=torch.double), torch.zeros((1, 1, 100), dtype=torch.double))
    output, hidden = lstm(x, hidden)
    loss = 0.0
    for i in range(L):
        o = linear(output[:, i, :].squeeze())
        loss = loss + criterion(o.squeeze(), y[i])
    loss.backward()
    optimizer.step()
    if j % 50 == 0 or j == 499:
        print("iteration", j, "loss", loss.item())

out_seq = [linear(output[:, i, :].squeeze()).item() for i in range(L)]
print("expected:", [round(v, 2) for v in y.tolist()])
print("output:  ", [round(v, 2) for v in out_seq])
