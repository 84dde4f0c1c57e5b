import math

import torch
from torch import nn

torch.manual_seed(8)

B, K = 5, 8          # intervals, samples in each interval
L = 3                # functions = channels
N = 600


def waves(n):
    start = torch.rand(n, L, 1) * 2 * math.pi
    t = torch.arange(B * K) * (2 * math.pi / K)
    return torch.cos(t + start)


class ConvAutoencoder(nn.Module):
    def __init__(self, enc_channels, dec_channels):
        super().__init__()
        encoder_layers, decoder_layers = [], []
        in_channels = enc_channels[0]
        for out_channels in enc_channels[1:]:
            encoder_layers += [nn.ConvTranspose2d(in_channels, out_channels, kernel_size=1, bias=True), nn.ReLU()]
            in_channels = out_channels
        in_channels = dec_channels[0]
        for out_channels in dec_channels[1:]:
            decoder_layers += [nn.ConvTranspose2d(in_channels, out_channels, kernel_size=1, bias=True), nn.ReLU()]
            in_channels = out_channels
        self.encoder = nn.Sequential(*encoder_layers)
        self.decoder = nn.Sequential(*decoder_layers)

    def forward(self, x):
        x = x.unsqueeze(-1)
        return self.decoder(self.encoder(x)).squeeze(-1)


clean = waves(N)
noisy = clean + 0.1 * torch.randn_like(clean)

model = ConvAutoencoder([L, 32, 16], [16, 32, L])
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.MSELoss()

for epoch in range(40):
    running = 0.0
    for sel in torch.randperm(N).split(32):
        optimizer.zero_grad()
        loss = criterion(model(noisy[sel]), clean[sel])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(sel)
    if epoch % 4 == 3:
        print("epoch", epoch + 1, "train loss", round(running / N, 5))

test = waves(100)
with torch.no_grad():
    rec = model(test + 0.1 * torch.randn_like(test))
print("test mse", round(criterion(rec, test).item(), 5))
print("true ", [round(v, 2) for v in test[0, 0, :8].tolist()])
print("model", [round(v, 2) for v in rec[0, 0, :8].tolist()])
