"""Two outputs from one network: air pressure (Pa) and relative humidity (0 to 1) at a mountain station.

Fault: targets_not_scaled
Fix: standardise each target column for training: targets = (targets - targets.mean(0)) / targets.std(0)
"""

import torch
from torch import Tensor, nn


def station_data(n: int, seed: int) -> tuple[Tensor, Tensor]:
    gen = torch.Generator().manual_seed(seed)
    altitude = torch.rand(n, generator=gen) * 2500
    temperature = 18 - 0.0065 * altitude + 6 * torch.randn(n, generator=gen)
    wind = torch.rand(n, generator=gen) * 12
    cloud = torch.rand(n, generator=gen)
    pressure = 101325 * torch.exp(-altitude / 8400) - 900 * (0.5 - cloud) + 100 * torch.randn(n, generator=gen)
    humidity = torch.sigmoid(2.5 * cloud - 0.12 * (temperature - 10) - 0.1 * wind + 0.1 * torch.randn(n, generator=gen))
    return torch.stack([altitude, temperature, wind, cloud], 1), torch.stack([pressure, humidity], 1)


def r2(pred: Tensor, true: Tensor) -> list[float]:
    score = 1 - (pred - true).pow(2).mean(0) / true.var(0, unbiased=False)
    return [round(s, 3) for s in score.tolist()]


def main() -> None:
    torch.manual_seed(30)  # clinic: 30 | 13
    inputs, targets = station_data(2400, seed=30)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    x_fit, x_val = inputs.split([2000, 400])
    t_fit, t_val = targets.split([2000, 400])

    width = 48  # clinic: 48 | 32
    net = nn.Sequential(
        nn.Linear(4, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, 2),
    )
    mse = nn.MSELoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)  # clinic: lr=0.003 | lr=0.01
    for epoch in range(10):
        for rows in torch.randperm(len(x_fit)).split(50):
            loss = mse(net(x_fit[rows]), t_fit[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            print(f"epoch {epoch + 1}: loss {loss.item():.5g}, R2 per output {r2(net(x_val), t_val)}")


if __name__ == "__main__":
    main()
