import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
np.random.seed(0)


def load_station_data(n=4000):
    """Air-quality like table as it comes out of the loggers."""
    temp = 15 + 8 * np.random.randn(n)
    humidity = np.clip(60 + 15 * np.random.randn(n), 5, 100)
    wind = np.random.gamma(2.0, 1.5, n)
    traffic = np.random.gamma(3.0, 3.5, n)
    pressure = 1013 + 7 * np.random.randn(n)
    hour = np.random.randint(0, 24, n)
    rush = np.exp(-((hour - 8) ** 2) / 6) + np.exp(-((hour - 18) ** 2) / 6)
    no2 = (20 + 2.3 * traffic * (0.6 + rush) - 4.0 * wind + 0.6 * np.abs(temp - 15)
           + 0.15 * (humidity - 60) + 3 * np.random.randn(n))
    table = np.stack([temp, humidity, wind, traffic, pressure, np.sin(2 * np.pi * hour / 24),
                      np.cos(2 * np.pi * hour / 24), rush], axis=1)
    for col, rate in [(0, 0.06), (1, 0.06), (2, 0.08), (3, 0.05), (4, 0.10)]:
        table[np.random.rand(n) < rate, col] = -9999.0
    return table.astype(np.float32), no2.astype(np.float32)


class Trainer:
    def __init__(self, model, lr=2e-3, epochs=30):
        self.model = model
        self.epochs = epochs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def loss(self, pred, target):
        return ((pred - target) ** 2).mean()

    def fit(self, loader):
        for epoch in range(self.epochs):
            self.model.train()
            running, seen = 0.0, 0
            for xb, yb in loader:
                self.optimizer.zero_grad()
                loss = self.loss(self.model(xb), yb)
                loss.backward()
                self.optimizer.step()
                running += loss.item() * len(xb)
                seen += len(xb)
            if (epoch + 1) % 3 == 0:
                print(f"[{epoch + 1:02d}/{self.epochs}] train mse = {running / seen:.4f}")

    @torch.no_grad()
    def predict(self, x):
        self.model.eval()
        return self.model(torch.from_numpy(x)).numpy().ravel()


X, y = load_station_data()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

x_scaler = StandardScaler().fit(X_train)
X_train = x_scaler.transform(X_train)
X_test = x_scaler.transform(X_test)
y_mean, y_std = y_train.mean(), y_train.std()

train_set = TensorDataset(torch.from_numpy(X_train), torch.from_numpy((y_train - y_mean) / y_std))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)

model = nn.Sequential(
    nn.Linear(X.shape[1], 64), nn.ReLU(),
    nn.Linear(64, 32), nn.ReLU(),
    nn.Linear(32, 1),
)
trainer = Trainer(model)
trainer.fit(train_loader)

y_pred = trainer.predict(X_test) * y_std + y_mean
print(f"test R2: {r2_score(y_test, y_pred):.4f}")
