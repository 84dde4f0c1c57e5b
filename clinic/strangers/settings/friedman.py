import argparse
import logging

import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
log = logging.getLogger("friedman")

parser = argparse.ArgumentParser(description="MLP regression on the Friedman #1 problem")
parser.add_argument("-n", "--samples", type=int, default=4000)
parser.add_argument("--hidden", type=int, default=128)
parser.add_argument("--depth", type=int, default=3)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--wd", "--weight-decay", dest="wd", type=float, default=0.5)
parser.add_argument("--steps", type=int, default=1500)
parser.add_argument("--bs", type=int, default=128)
parser.add_argument("--seed", type=int, default=0)
opt = parser.parse_args()

torch.manual_seed(opt.seed)

X, y = make_friedman1(n_samples=opt.samples, n_features=10, noise=0.5, random_state=opt.seed)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=opt.seed)

x_scaler = StandardScaler().fit(X_train)
y_scaler = StandardScaler().fit(y_train[:, None])


def to_tensors(X, y):
    return (torch.from_numpy(x_scaler.transform(X)).float(),
            torch.from_numpy(y_scaler.transform(y[:, None])).float())


Xtr, ytr = to_tensors(X_train, y_train)
Xte, _ = to_tensors(X_test, y_test)

layers, width = [], Xtr.shape[1]
for _ in range(opt.depth):
    layers += [nn.Linear(width, opt.hidden), nn.ReLU()]
    width = opt.hidden
net = nn.Sequential(*layers, nn.Linear(width, 1))

optim = torch.optim.Adam(net.parameters(), lr=opt.lr, weight_decay=opt.wd)
mse = nn.MSELoss()


def predict(X):
    net.eval()
    with torch.no_grad():
        out = net(X).numpy()
    net.train()
    return y_scaler.inverse_transform(out)[:, 0]


log.info("train %d / test %d, %s", len(Xtr), len(Xte), vars(opt))
for step in range(1, opt.steps + 1):
    batch = torch.randint(0, len(Xtr), (opt.bs,))
    loss = mse(net(Xtr[batch]), ytr[batch])
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step % 100 == 0:
        log.info("step %4d  mse %.4f  train R2 %.4f", step, loss.item(),
                 r2_score(y_train, predict(Xtr)))

log.info("test R2 %.4f", r2_score(y_test, predict(Xte)))
