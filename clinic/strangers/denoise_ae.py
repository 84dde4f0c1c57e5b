import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)

clean = torch.tensor(load_digits().images / 16.0, dtype=torch.float32).unsqueeze(1)
noisy = (clean + 0.3 * torch.randn_like(clean)).clamp(0, 1)

clean_train, clean_test = clean[:1500], clean[1500:]
noisy_train, noisy_test = noisy[:1500], noisy[1500:]

noisy_loader = DataLoader(TensorDataset(noisy_train), batch_size=50, shuffle=True)
clean_loader = DataLoader(TensorDataset(clean_train), batch_size=50, shuffle=True)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(32, 16, 2, stride=2), nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


net = Denoiser()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.MSELoss()

for epoch in range(1, 31):
    total = 0.0
    for (nx,), (cx,) in zip(noisy_loader, clean_loader):
        out = net(nx)
        loss = criterion(out, cx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 0:
        with torch.no_grad():
            t = criterion(net(noisy_test), clean_test).item()
        print(f"epoch {epoch:2d} train mse {total / len(noisy_loader):.4f} test mse {t:.4f}")

print("mse of the noisy input itself:", criterion(noisy_test, clean_test).item())
