import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

N_TAGS = 8


def get_data():
    X, Y = make_multilabel_classification(n_samples=2500, n_features=40, n_classes=N_TAGS,
                                          n_labels=4, length=120, random_state=4)
    X = StandardScaler().fit_transform(X)
    return train_test_split(torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32),
                            test_size=0.2, random_state=0)


class TagModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(40, 96), nn.ReLU(), nn.Dropout(0.1))
        self.classifier = nn.Linear(96, N_TAGS)
        self.act = nn.Softmax(dim=1)

    def forward(self, x):
        return self.act(self.classifier(self.trunk(x)))


def run():
    torch.manual_seed(4)
    Xtr, Xte, Ytr, Yte = get_data()
    loader = DataLoader(TensorDataset(Xtr, Ytr), batch_size=50, shuffle=True)
    net = TagModel()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    crit = nn.BCELoss()
    for epoch in range(1, 26):
        net.train()
        acc_loss = 0.0
        for x, t in loader:
            opt.zero_grad()
            out = net(x)
            loss = crit(out, t)
            loss.backward()
            opt.step()
            acc_loss += loss.item()
        if epoch % 5 == 0:
            net.eval()
            with torch.no_grad():
                pred = (net(Xte) > 0.5).int()
            print(f"ep {epoch:2d} loss {acc_loss / len(loader):.4f} "
                  f"micro-F1 {f1_score(Yte, pred, average='micro', zero_division=0):.3f} "
                  f"tags per sample {pred.sum(1).float().mean():.2f} (true {Yte.sum(1).mean():.2f})")


run()
