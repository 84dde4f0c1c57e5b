import torch
from torch import autograd, nn

torch.manual_seed(1)
N_CRITIC, LAMBDA, BATCH = 4, 10.0, 128


def sample_real(n):
    c = torch.tensor([[1.5, 0.], [-1.5, 0.], [0., 1.5], [0., -1.5]])
    return c[torch.randint(0, 4, (n,))] + 0.15 * torch.randn(n, 2)


def mlp(i, o):
    return nn.Sequential(nn.Linear(i, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, o))


gen, critic = mlp(4, 2), mlp(2, 1)
g_opt = torch.optim.Adam(gen.parameters(), lr=1e-3, betas=(0.5, 0.9))
c_opt = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))


def gradient_penalty(real, fake):
    a = torch.rand(len(real), 1)
    mid = (a * real + (1 - a) * fake).requires_grad_(True)
    g, = autograd.grad(critic(mid).sum(), mid, create_graph=True)
    return ((g.norm(dim=1) - 1) ** 2).mean()


for it in range(800):
    for p in critic.parameters():
        p.requires_grad_(True)
    for _ in range(N_CRITIC):
        real = sample_real(BATCH)
        fake = gen(torch.randn(BATCH, 4)).detach()
        c_loss = critic(fake).mean() - critic(real).mean() + LAMBDA * gradient_penalty(real, fake)
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()
    for p in critic.parameters():
        p.requires_grad_(False)
    g_loss = -critic(gen(torch.randn(BATCH, 4))).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if it % 80 == 0:
        print(f"iter {it:4d} critic loss {c_loss.item():+.4f} generator loss {g_loss.item():+.4f}")

with torch.no_grad():
    f, r = gen(torch.randn(1000, 4)), sample_real(1000)
    centre = torch.tensor([[1.5, 0.], [-1.5, 0.], [0., 1.5], [0., -1.5]])
    d = torch.cdist(f, centre)
    near = (d.min(1).values < 0.6)
    share = torch.bincount(d.argmin(1)[near], minlength=4) / 1000.0
    print("samples close to a mode: %.3f, share per mode %s" % (near.float().mean(), [round(v, 2) for v in share.tolist()]))
