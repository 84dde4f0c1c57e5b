"""Keyword recognition on synthetic one-second 'words' (two tones / glides each)."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(0)
np.random.seed(0)

SR = 2000
WORDS = ["yes", "no", "up", "down", "left", "right", "stop", "go"]
TONES = {"yes": (300, 600), "no": (600, 300), "up": (200, 800), "down": (800, 200),
         "left": (450, 450), "right": (300, 300), "stop": (700, 500), "go": (500, 700)}


def speak(word, rs):
    n = SR
    f0, f1 = TONES[word]
    f0, f1 = f0 * rs.uniform(0.93, 1.07), f1 * rs.uniform(0.93, 1.07)
    dur = rs.randint(int(0.4 * n), int(0.6 * n))
    start = rs.randint(0, int(0.8 * n) - dur)
    freq = np.concatenate([np.full(dur // 2, f0), np.full(dur - dur // 2, f1)])
    seg = np.sin(2 * np.pi * np.cumsum(freq) / SR) * np.hanning(dur) ** 0.5
    wave = 0.25 * rs.randn(n)
    wave[start:start + dur] += seg * rs.uniform(0.6, 1.2)
    return wave.astype(np.float32)


def log_spectrogram(wave, n_fft=128, hop=64, bands=24):
    spec = torch.stft(torch.from_numpy(wave), n_fft, hop_length=hop, window=torch.hann_window(n_fft),
                      return_complex=True).abs().pow(2)
    spec = spec[: 2 * bands + 2][2:].reshape(bands, 2, -1).mean(1)
    return torch.log(spec + 1e-3).t()                 # (frames, bands)


class Words(Dataset):
    def __init__(self, per_class, seed, stats=None):
        rs = np.random.RandomState(seed)
        feats, labels = [], []
        for k, w in enumerate(WORDS):
            for _ in range(per_class):
                feats.append(log_spectrogram(speak(w, rs)))
                labels.append(k)
        self.x, self.y = torch.stack(feats), torch.tensor(labels)
        self.stats = stats or (self.x.mean(), self.x.std())
        self.x = (self.x - self.stats[0]) / self.stats[1]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class KeywordGRU(nn.Module):
    def __init__(self, bands, hidden=48, classes=len(WORDS)):
        super().__init__()
        self.proj = nn.Sequential(nn.Linear(bands, 32), nn.ReLU())
        self.gru = nn.GRU(32, hidden, num_layers=1)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
        out, _ = self.gru(self.proj(x))
        return self.fc(out[:, -1])


def run_epoch(model, loader, loss_fn, opt=None):
    model.train(opt is not None)
    loss_sum = correct = count = 0
    with torch.set_grad_enabled(opt is not None):
        for x, y in loader:
            logits = model(x)
            loss = loss_fn(logits, y)
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 2.0)
                opt.step()
            loss_sum += loss.item() * len(y)
            correct += (logits.argmax(1) == y).sum().item()
            count += len(y)
    return loss_sum / count, correct / count


train_set = Words(150, seed=10)
test_set = Words(40, seed=11, stats=train_set.stats)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=32, shuffle=True)
model = KeywordGRU(train_set.x.size(2))
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.StepLR(opt, step_size=8, gamma=0.4)
for epoch in range(1, 13):
    tr = run_epoch(model, train_loader, loss_fn, opt)
    sched.step()
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d} loss {tr[0]:.3f} train acc {tr[1]:.3f}")
print(f"test accuracy: {run_epoch(model, test_loader, loss_fn)[1]:.4f}")
