import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class Autoencoder(nn.Module):
    def __init__(self, n_in=64, code=12):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_in, 128), nn.ReLU(),
            nn.Linear(128, 48), nn.ReLU(),
            nn.Linear(48, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 48), nn.ReLU(),
            nn.Linear(48, 128), nn.ReLU(),
            nn.Linear(128, n_in),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def run(epochs=40, device="cpu"):
    torch.manual_seed(0)
    raw = load_digits().data
    X = torch.tensor(StandardScaler().fit_transform(raw), dtype=torch.float32)
    keep = torch.tensor(raw.std(0) > 0.5)
    X = X[:, keep].clamp(-4, 4)
    train, val = X[:1400].to(device), X[1400:].to(device)
    loader = DataLoader(TensorDataset(train), batch_size=50, shuffle=True)
    model = Autoencoder(X.shape[1]).to(device)
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=2e-3, weight_decay=0.1)
    for epoch in range(epochs):
        s = 0.0
        for (img,) in loader:
            output = model(img)
            loss = criterion(output, img)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            s += loss.item()
        if epoch % 5 == 0 or epoch == epochs - 1:
            with torch.no_grad():
                out = model(val)
                v = criterion(out, val).item()
            print(f"epoch [{epoch + 1}/{epochs}] loss {s / len(loader):.4f} val {v:.4f} "
                  f"(val variance {val.var(0).mean():.3f}, spread of outputs {out.std(0).mean():.4f})")


if __name__ == "__main__":
    run()
