"""Pretrain on simulated vibration signals, save, then adapt to a machine with few labelled recordings."""
import math
import tempfile
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(12)
LENGTH = 128


def record(speed, harmonic, noise=0.6):
    """Rotation at `speed` turns per window plus a second harmonic, random phases."""
    t = torch.arange(LENGTH) / LENGTH
    p1, p2 = 2 * math.pi * torch.rand(2, len(speed), 1)
    wave = torch.sin(2 * math.pi * speed[:, None] * t + p1)
    wave = wave + harmonic[:, None] * torch.sin(4 * math.pi * speed[:, None] * t + p2)
    return (wave + noise * torch.randn(len(speed), LENGTH)).unsqueeze(1)


def simulator(n):
    speed, harmonic = 5 + 15 * torch.rand(n), torch.rand(n)
    return record(speed, harmonic), speed, harmonic


def machine(n):
    """Four states: slow or fast, healthy or with a strong harmonic."""
    state = torch.randint(4, (n,))
    speed = torch.where(state % 2 == 0, 9.5, 14.5) + torch.randn(n)
    harmonic = torch.where(state < 2, 0.25, 0.75) + 0.05 * torch.randn(n)
    return record(speed, harmonic), state


class VibrationNet(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 15, stride=2, padding=7), nn.ReLU(),
            nn.Conv1d(16, 32, 9, stride=2, padding=4), nn.ReLU(),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, n_out)

    def forward(self, x):
        return self.head(self.body(x))


def pretrain(path, steps=800):
    net = VibrationNet(2)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    x_val, speed_val, harm_val = simulator(1000)
    best = float("inf")
    for step in range(1, steps + 1):
        x, speed, harmonic = simulator(64)
        pred = net(x)
        # speed errors are in turns, harmonic errors are fractions of one
        loss = F.mse_loss(pred[:, 0] + 12.5, speed) + 50 * F.mse_loss(pred[:, 1], harmonic)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 200 == 0:
            with torch.no_grad():
                pred = net(x_val)
                e1 = F.mse_loss(pred[:, 0] + 12.5, speed_val).item()
                e2 = F.mse_loss(pred[:, 1], harm_val).item()
            print(f"simulator step {step}  loss {loss.item():.3f}  val speed mse {e1:.3f} (variance "
                  f"{speed_val.var():.2f})  harmonic mse {e2:.4f} ({harm_val.var():.4f})")
            if e1 + 50 * e2 < best:
                best = e1 + 50 * e2
                torch.save({"step": step, "state": net.state_dict()}, path)


def adapt(path, steps=250):
    x, y = machine(24)
    x_test, y_test = machine(1500)
    net = VibrationNet(4)
    saved = torch.load(path, weights_only=True)
    net.load_state_dict({k: v for k, v in saved["state"].items() if k.startswith("body")}, strict=False)

    def accuracy():
        with torch.no_grad():
            return (net(x_test).argmax(1) == y_test).float().mean().item()

    print(f"loaded step {saved['step']}; accuracy with the new head before training {accuracy():.4f}")
    opt = torch.optim.Adam([{"params": net.body.parameters(), "lr": 5e-4},
                            {"params": net.head.parameters(), "lr": 4e-2}])
    for step in range(1, steps + 1):
        i = torch.randint(len(x), (16,))
        loss = F.cross_entropy(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            print(f"machine step {step}  loss {loss.item():.4f}  accuracy {accuracy():.4f}")
    print(f"final accuracy on other recordings {accuracy():.4f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "vibration.pt"
        pretrain(checkpoint)
        adapt(checkpoint)
