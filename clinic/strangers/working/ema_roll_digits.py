import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class EMA:
    def __init__(self, model, decay):
        self.decay = decay
        self.model = copy.deepcopy(model).eval()
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for e, p in zip(self.model.parameters(), model.parameters()):
            e.lerp_(p, 1 - self.decay)
        for e, b in zip(self.model.buffers(), model.buffers()):
            e.copy_(b)


def shift(images):
    """Random translation by up to one pixel; the border of a digit is mostly blank."""
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(images, shifts=(dy, dx), dims=(2, 3))


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 10),
    )


@torch.no_grad()
def accuracy(model, x, y):
    was_training = model.training
    model.eval()
    acc = (model(x).argmax(1) == y).float().mean().item()
    model.train(was_training)
    return acc


class Trainer:
    def __init__(self, model, loader, epochs, lr):
        self.model, self.loader, self.epochs = model, loader, epochs
        self.ema = EMA(model, decay=0.98)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-2)

    def fit(self, x_test, y_test):
        for epoch in range(1, self.epochs + 1):
            running = 0.0
            for x, y in self.loader:
                loss = self.criterion(self.model(shift(x)), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.ema.update(self.model)
                running += loss.item()
            if epoch % 5 == 0:
                print(f"epoch {epoch:2d}  smoothed loss {running / len(self.loader):.4f}  "
                      f"raw {accuracy(self.model, x_test, y_test):.4f}  "
                      f"ema {accuracy(self.ema.model, x_test, y_test):.4f}")


if __name__ == "__main__":
    torch.manual_seed(42)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    y = torch.tensor(y)
    train_idx, test_idx = train_test_split(range(len(x)), test_size=0.3, random_state=42, stratify=y)
    loader = DataLoader(TensorDataset(x[train_idx], y[train_idx]), batch_size=64, shuffle=True, drop_last=True)
    trainer = Trainer(build_model(), loader, epochs=25, lr=3e-3)
    print(f"untrained accuracy {accuracy(trainer.model, x[test_idx], y[test_idx]):.4f}")
    trainer.fit(x[test_idx], y[test_idx])
    print(f"final EMA test accuracy {accuracy(trainer.ema.model, x[test_idx], y[test_idx]):.4f}")
