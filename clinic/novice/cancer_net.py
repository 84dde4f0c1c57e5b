"""Breast cancer: benign or malignant? Binary classification with PyTorch.

Fault: output_loss_mismatch or instability
Fix: Remove the ReLU from the last layer and lower the learning rate to 1e-3.
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class CancerNet(nn.Module):

    def __init__(self, n_in=30):
        super().__init__()
        self.layer1 = nn.Linear(n_in, 64)
        self.layer2 = nn.Linear(64, 32)
        self.layer3 = nn.Linear(32, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.layer1(x))
        x = self.relu(self.layer2(x))
        x = self.relu(self.layer3(x))
        return x


class Trainer:

    def __init__(self, model, lr=0.3, batch_size=16):
        self.model = model
        self.batch_size = batch_size
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.history = []

    def fit(self, X, y, epochs):
        for epoch in range(epochs):
            self.model.train()
            losses = []
            for idx in torch.randperm(len(X)).split(self.batch_size):
                self.optimizer.zero_grad()
                out = self.model(X[idx])
                loss = self.criterion(out, y[idx])
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            self.history.append(np.mean(losses))
            if epoch % 5 == 0 or epoch == epochs - 1:
                print(f"epoch {epoch:3d}  loss = {self.history[-1]:.5f}  acc = {self.score(X, y):.3f}")

    def score(self, X, y):
        self.model.eval()
        with torch.no_grad():
            prob = torch.sigmoid(self.model(X))
            return ((prob > 0.5).float() == y).float().mean().item()

    def loss(self, X, y):
        self.model.eval()
        with torch.no_grad():
            return self.criterion(self.model(X), y).item()


torch.manual_seed(2024)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.2, random_state=2024)
sc = StandardScaler()
X_tr = torch.tensor(sc.fit_transform(X_tr)).float()
X_te = torch.tensor(sc.transform(X_te)).float()
y_tr = torch.tensor(y_tr).float().view(-1, 1)
y_te = torch.tensor(y_te).float().view(-1, 1)

trainer = Trainer(CancerNet())
trainer.fit(X_tr, y_tr, epochs=41)
print("Test accuracy:", trainer.score(X_te, y_te))
print("Test loss:", trainer.loss(X_te, y_te))
