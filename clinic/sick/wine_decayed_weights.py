"""Wine cultivars, multilayer perceptron, train/test split.

Fault: over_regularised
Fix: a weight decay of about 1e-4
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    def __init__(self, in_features, hidden, classes):
        super().__init__()
        self.fc1 = nn.Linear(in_features, hidden)
        self.act = nn.ReLU()
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


def get_loaders(batch_size):
    x, y = load_wine(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    sc = StandardScaler().fit(x_tr)
    tr = TensorDataset(torch.tensor(sc.transform(x_tr)).float(), torch.tensor(y_tr))
    te = TensorDataset(torch.tensor(sc.transform(x_te)).float(), torch.tensor(y_te))
    return DataLoader(tr, batch_size=batch_size, shuffle=True), DataLoader(te, batch_size=len(te))


def train(epochs=30, seed=0):
    torch.manual_seed(seed)
    train_loader, test_loader = get_loaders(batch_size=16)
    model = MLP(13, 32, 3)  # clinic: 32 | 16 | 64
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=1.0)  # clinic: =1.0 | =0.7 | =2.0
    for epoch in range(1, epochs + 1):
        running = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
        if epoch % 5 == 0:
            with torch.no_grad():
                inputs, labels = next(iter(test_loader))
                test_acc = (model(inputs).argmax(1) == labels).float().mean().item()
            print(f"Epoch {epoch:3d} | train loss {running / len(train_loader):.4f} | test acc {test_acc:.3f}")


train()
