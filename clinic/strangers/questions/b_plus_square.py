import numpy as np
import torch
from torch import nn, optim

learningRate = 0.01
epochs = 1000
trainingValidationFactor = 0.75
nrOfSamples = 100
batch_size = 32


def CreateNetwork(inputDimension):
    return nn.Sequential(
        nn.Linear(inputDimension, 2),
        nn.Linear(2, 64),
        nn.Linear(64, 32),
        nn.Linear(32, 1),
    )


def CreateData(n):
    rng = np.random.RandomState(7)
    b = rng.uniform(-5, 5, n)
    x = rng.uniform(-5, 5, n)
    return (torch.tensor(np.stack([b, x], 1), dtype=torch.float32),
            torch.tensor((b + x ** 2)[:, None], dtype=torch.float32))


def Split(factor, data, labels):
    cut = int(len(data) * factor)
    return data[:cut], labels[:cut], data[cut:], labels[cut:]


def Train():
    torch.manual_seed(7)
    data, labels = CreateData(nrOfSamples)
    tx, ty, vx, vy = Split(trainingValidationFactor, data, labels)
    model = CreateNetwork(2)
    adam = optim.Adam(model.parameters(), lr=learningRate)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        perm = torch.randperm(len(tx))
        for i in range(0, len(tx), batch_size):
            j = perm[i:i + batch_size]
            adam.zero_grad()
            loss = mse(model(tx[j]), ty[j])
            loss.backward()
            adam.step()
        if (epoch + 1) % 100 == 0:
            with torch.no_grad():
                print(f"{epoch + 1:5d} loss {mse(model(tx), ty).item():.4f}"
                      f" val_loss {mse(model(vx), vy).item():.4f}")
    with torch.no_grad():
        for k in range(5):
            print(vx[k].tolist(), "predicted", round(model(vx[k]).item(), 2), "actual", round(vy[k].item(), 2))


Train()
