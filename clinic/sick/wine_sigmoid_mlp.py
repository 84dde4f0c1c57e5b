"""Wine cultivars with a sigmoid network.

Fault: saturated_units or bad_initialisation
Fix: Xavier initialisation (or the default one)
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler


class WineNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(13, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 3)])
        for layer in self.layers:
            nn.init.normal_(layer.weight, mean=0.0, std=5.0)  # clinic: std=5.0 | std=4.0 | std=7.0
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.sigmoid(layer(x))
        return self.layers[-1](x)


def run(seed=0, epochs=60, hidden=16):  # clinic: hidden=16 | hidden=10 | hidden=24
    torch.manual_seed(seed)
    wine = load_wine()
    x = torch.tensor(StandardScaler().fit_transform(wine.data), dtype=torch.float32)
    y = torch.tensor(wine.target)
    net = WineNet(hidden)
    optim = torch.optim.Adam(net.parameters(), lr=0.003)  # clinic: Adam( | AdamW( | RMSprop(
    ce = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).chunk(5):
            optim.zero_grad()
            ce(net(x[rows]), y[rows]).backward()
            optim.step()
        if epoch % 10 == 9:
            with torch.no_grad():
                logits = net(x)
                acc = (logits.argmax(1) == y).float().mean()
                print(f"epoch {epoch + 1}: loss {ce(logits, y):.4f}, accuracy {acc:.3f}")


if __name__ == "__main__":
    run()
