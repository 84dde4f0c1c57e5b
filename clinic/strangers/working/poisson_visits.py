# Poisson regression of clinic visits on household spending shares.
# Plain gradient ascent on the log-likelihood, no optimizer object needed.
import torch

gen = torch.Generator().manual_seed(5)

N, D = 4000, 8
spend = torch.distributions.Gamma(2.0, 1.0)
torch.manual_seed(5)
raw = spend.sample((N, D))
shares = raw / raw.sum(dim=1, keepdim=True)             # each row sums to one
clr = shares.log() - shares.log().mean(dim=1, keepdim=True)  # centred log-ratio

w_true = torch.tensor([0.5, -0.4, 0.3, 0.0, 0.0, -0.3, 0.2, -0.3])
rate = torch.exp(0.7 + clr @ w_true)
visits = torch.poisson(rate, generator=gen)

n_train = 3200
X, Xt = clr[:n_train], clr[n_train:]
y, yt = visits[:n_train], visits[n_train:]

w = torch.zeros(D, requires_grad=True)
b = torch.zeros((), requires_grad=True)


def log_lik(X, y):
    eta = X @ w + b
    return (y * eta - eta.exp() - torch.lgamma(y + 1)).mean()


def deviance(mu, y):
    term = torch.where(y > 0, y * (y / mu).log(), torch.zeros_like(y))
    return 2 * (term - (y - mu)).mean().item()


step_size = 0.05
for it in range(2000):
    idx = torch.randint(n_train, (400,), generator=gen)
    objective = log_lik(X[idx], y[idx])
    objective.backward()
    lr = step_size * 0.998 ** it
    with torch.no_grad():
        for p in (w, b):
            p += lr * p.grad      # uphill
            p.grad = None
    if it % 250 == 0:
        with torch.no_grad():
            print(f"iter {it:4d}  batch loglik {objective.item():.4f}  test loglik {log_lik(Xt, yt).item():.4f}")

with torch.no_grad():
    mu = (Xt @ w + b).exp()
    null = deviance(torch.full_like(yt, y.mean().item()), yt)
    fit = deviance(mu, yt)
    oracle = deviance(rate[n_train:], yt)
print("weights", [round(v, 2) for v in w.tolist()])
print(f"test deviance: null {null:.4f}, fitted {fit:.4f}, true rates {oracle:.4f}")
print(f"deviance explained {1 - fit / null:.4f} (true rates {1 - oracle / null:.4f})")
