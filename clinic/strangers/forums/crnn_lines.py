import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

W, H, N_SYM = 10, 6, 4


class StripDataset(Dataset):
    """Narrow strips; the class is decided by the glyph at the left end."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        glyphs = (torch.rand(N_SYM, H, 2, generator=torch.Generator().manual_seed(99)) > 0.5).float()
        self.y = torch.randint(0, N_SYM, (n,), generator=g)
        self.x = torch.zeros(n, 1, H, W)
        for i in range(n):
            self.x[i, 0, :, 0:2] = glyphs[self.y[i]]
            for c in range(2, W, 2):
                k = torch.randint(0, N_SYM, (1,), generator=g).item()
                self.x[i, 0, :, c:c + 2] = glyphs[k]
        self.x += 0.1 * torch.randn(self.x.shape, generator=g)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class CRNN(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 16, (3, 3), padding=1), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.Conv2d(16, 24, (H, 3), padding=(0, 1)), nn.ReLU(True),
        )
        self.rnn = nn.LSTM(24, hidden, batch_first=True)
        self.cls = nn.Linear(hidden, N_SYM)

    def forward(self, x):
        f = self.cnn(x)
        f = f.squeeze(2)
        f = f.permute(2, 0, 1)
        out, _ = self.rnn(f)
        return self.cls(out[-1])


def accuracy(model, loader):
    model.eval()
    good = n = 0
    with torch.no_grad():
        for x, y in loader:
            good += (model(x).argmax(1) == y).sum().item()
            n += len(y)
    return good / n


if __name__ == '__main__':
    torch.manual_seed(0)
    train_dl = DataLoader(StripDataset(1500, 1), batch_size=32, shuffle=True)
    val_dl = DataLoader(StripDataset(400, 2), batch_size=32)
    model = CRNN()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        s = 0.0
        for x, y in train_dl:
            opt.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            s += loss.item()
        print(f'[{epoch}] train loss {s / len(train_dl):.4f} val acc {accuracy(model, val_dl):.3f}')
