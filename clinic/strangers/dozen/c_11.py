"""Keyword spotting on synthetic 'speech': log spectrogram features and a small 1-d CNN."""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import confusion_matrix

RATE = 4000
LENGTH = 3200
# every keyword is a sequence of (start Hz, end Hz) glides
KEYWORDS = {
    "yes": [(900, 1500), (1500, 700)],
    "no": [(700, 400), (400, 400)],
    "up": [(500, 1300)],
    "down": [(1300, 500)],
    "left": [(600, 600), (1100, 1100), (600, 600)],
    "right": [(1100, 1100), (600, 600), (1100, 1100)],
}
NAMES = list(KEYWORDS)


def synthesise(word, rng):
    pitch = rng.uniform(0.88, 1.13)
    total = int(rng.uniform(0.3, 0.5) * RATE)
    glides = KEYWORDS[word]
    per = total // len(glides)
    freq = np.concatenate([np.linspace(a, b, per) for a, b in glides]) * pitch
    phase = 2 * np.pi * np.cumsum(freq) / RATE
    voice = np.sin(phase) + 0.4 * np.sin(1.3 * phase + rng.uniform(0, 6))
    voice *= np.hanning(len(voice)) ** 0.3 * rng.uniform(0.3, 1.5)
    wave = np.zeros(LENGTH)
    start = rng.integers(0, LENGTH - len(voice))
    wave[start:start + len(voice)] = voice
    return wave + rng.uniform(0.4, 1.0) * rng.normal(size=LENGTH)


def make_set(n, rng):
    labels = rng.integers(0, len(NAMES), size=n)
    waves = np.stack([synthesise(NAMES[k], rng) for k in labels])
    return torch.tensor(waves, dtype=torch.float32), torch.tensor(labels)


def log_spectrogram(waves, n_fft=128, hop=64):
    window = torch.hann_window(n_fft)
    spec = torch.stft(waves, n_fft, hop_length=hop, window=window, center=True, return_complex=True)
    feats = torch.log(spec.abs() ** 2 + 1e-3)
    # remove the loudness of the recording
    return feats - feats.mean(dim=(1, 2), keepdim=True)


class SpotterNet(nn.Module):
    def __init__(self, n_bins, n_classes, width=32):
        super().__init__()
        self.conv1 = nn.Conv1d(n_bins, width, 5, padding=2)
        self.bn1 = nn.BatchNorm1d(width)
        self.conv2 = nn.Conv1d(width, width, 5, padding=2)
        self.bn2 = nn.BatchNorm1d(width)
        self.conv3 = nn.Conv1d(width, width, 5, padding=2)
        self.bn3 = nn.BatchNorm1d(width)
        self.fc = nn.Linear(width, n_classes)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool1d(F.relu(self.bn2(self.conv2(x))), 2)
        x = F.relu(self.bn3(self.conv3(x)))
        return self.fc(x.amax(dim=2))


def spec_augment(x, rng):
    x = x.clone()
    t0 = rng.integers(0, x.shape[2] - 5)
    x[:, :, t0:t0 + rng.integers(1, 5)] = 0.0
    f0 = rng.integers(0, x.shape[1] - 4)
    x[:, f0:f0 + rng.integers(1, 4), :] = 0.0
    return x


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--lr", type=float, default=3e-3)
    opts = ap.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(opts.seed)
    rng = np.random.default_rng(opts.seed)
    w_train, y_train = make_set(800, rng)
    w_test, y_test = make_set(500, rng)
    x_train, x_test = log_spectrogram(w_train), log_spectrogram(w_test)
    print("features", tuple(x_train.shape))

    net = SpotterNet(x_train.shape[1], len(NAMES))
    opt = torch.optim.Adam(net.parameters(), lr=opts.lr)
    sched = torch.optim.lr_scheduler.StepLR(opt, step_size=4, gamma=0.3)
    for epoch in range(1, opts.epochs + 1):
        net.train()
        hits, total = 0, 0.0
        for idx in torch.randperm(len(x_train)).split(50):
            xb, yb = spec_augment(x_train[idx], rng), y_train[idx]
            out = net(xb)
            loss = F.cross_entropy(out, yb, label_smoothing=0.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
            hits += (out.argmax(1) == yb).sum().item()
        sched.step()
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d}  loss {total / len(x_train):.3f}  train acc {hits / len(x_train):.3f}")

    net.eval()
    with torch.no_grad():
        pred = net(x_test).argmax(1)
    print(NAMES)
    print(confusion_matrix(y_test.numpy(), pred.numpy()))
    print(f"test accuracy: {(pred == y_test).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
