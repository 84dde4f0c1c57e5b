"""Diabetes regression.

Fault: broadcasting
Fix: Squeeze the prediction (or unsqueeze the target) so both have the same shape.
"""

import numpy as np
import torch
from torch import nn, optim
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def get_data(seed=42):
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    scaler = StandardScaler().fit(X_train)
    X_train = scaler.transform(X_train)
    X_test = scaler.transform(X_test)
    # targets are 25..346 so scale them too
    mean, std = y_train.mean(), y_train.std()
    y_train = (y_train - mean) / std
    y_test = (y_test - mean) / std
    return [torch.from_numpy(a.astype(np.float32)) for a in (X_train, X_test, y_train, y_test)]


def build_model(n_features):
    return nn.Sequential(
        nn.Linear(n_features, 32),
        nn.ReLU(),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
    )


def train(model, X, y, epochs=100, batch_size=32, lr=1e-3):
    loss_fn = nn.MSELoss()
    opt = optim.Adam(model.parameters(), lr=lr)
    n = len(X)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(n)
        total = 0
        batches = 0
        for i in range(0, n, batch_size):
            idx = order[i:i + batch_size]
            pred = model(X[idx])
            loss = loss_fn(pred, y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
            batches += 1
        if epoch % 10 == 0:
            print("epoch", epoch, "train mse", round(total / batches, 4))


def evaluate(model, X, y):
    model.eval()
    with torch.no_grad():
        pred = model(X).numpy().ravel()
    y = y.numpy()
    mse = np.mean((pred - y) ** 2)
    r2 = 1 - mse / np.var(y)
    print("test mse:", round(float(mse), 4))
    print("test R2: ", round(float(r2), 4))
    print("some predictions:", np.round(pred[:6], 2))
    print("true values:     ", np.round(y[:6], 2))


if __name__ == "__main__":
    import warnings
    warnings.filterwarnings("ignore")
    torch.manual_seed(42)
    X_train, X_test, y_train, y_test = get_data()
    model = build_model(X_train.shape[1])
    train(model, X_train, y_train)
    evaluate(model, X_train, y_train)
    evaluate(model, X_test, y_test)
