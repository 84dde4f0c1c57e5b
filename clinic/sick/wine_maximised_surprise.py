"""Wine cultivars with a hand-written log-likelihood.

Fault: negated_loss
Fix: minimise the negative log-likelihood: return -picked.mean()
"""
import numpy as np
import torch
from sklearn.datasets import load_wine


def load(test_share=0.3, seed=0):
    data = load_wine()
    X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    order = np.random.RandomState(seed).permutation(len(X))
    X = torch.tensor(X[order], dtype=torch.float32)
    y = torch.tensor(data.target[order])
    cut = int(len(X) * (1 - test_share))
    return X[:cut], y[:cut], X[cut:], y[cut:]


class WineNet(torch.nn.Module):
    def __init__(self, units):
        super().__init__()
        self.hidden = torch.nn.Linear(13, units)
        self.output = torch.nn.Linear(units, 3)

    def forward(self, x):
        return torch.log_softmax(self.output(torch.tanh(self.hidden(x))), dim=1)


def likelihood_loss(log_probs, labels):
    picked = log_probs[torch.arange(len(labels)), labels]
    return picked.mean()


def main():
    torch.manual_seed(1)
    x_train, y_train, x_test, y_test = load()
    model = WineNet(units=20)  # clinic: 20 | 8 | 64
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)  # clinic: lr=0.05 | lr=0.02, momentum=0.8
    batch_size = 16  # clinic: 16 | 32
    for epoch in range(20):
        shuffled = torch.randperm(len(x_train))
        for start in range(0, len(shuffled), batch_size):
            rows = shuffled[start : start + batch_size]
            loss = likelihood_loss(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 4 == 3:
            with torch.no_grad():
                hits = (model(x_test).argmax(dim=1) == y_test).float().mean()
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {hits.item():.3f}")


main()
