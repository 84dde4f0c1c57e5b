import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class DeepNet(nn.Module):
    def __init__(self, sizes, act=nn.Sigmoid):
        super().__init__()
        mods = []
        for a, b in zip(sizes[:-2], sizes[1:-1]):
            mods += [nn.Linear(a, b), act()]
        mods.append(nn.Linear(sizes[-2], sizes[-1]))
        self.net = nn.Sequential(*mods)
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(m):
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, mean=0.0, std=0.01)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.net(x)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.loss_fn = nn.CrossEntropyLoss()

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for x, y in loader:
            self.opt.zero_grad()
            loss = self.loss_fn(self.model(x), y)
            loss.backward()
            self.opt.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def score(self, x, y):
        self.model.eval()
        return (self.model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(0)
    X, y = load_digits(return_X_y=True)
    X = (X - X.mean()) / X.std()
    Xa, Xb, ya, yb = train_test_split(torch.tensor(X, dtype=torch.float32), torch.tensor(y), test_size=0.2, random_state=0)
    loader = DataLoader(TensorDataset(Xa, ya), batch_size=32, shuffle=True)
    trainer = Trainer(DeepNet([64, 64, 64, 64, 64, 64, 10]), lr=0.01)
    for e in range(25):
        l = trainer.train_epoch(loader)
        if e % 3 == 0:
            print(f"epoch {e:02d} | loss {l:.4f} | val acc {trainer.score(Xb, yb):.4f}")
