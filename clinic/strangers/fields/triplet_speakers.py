"""
Speaker embeddings from (simulated) 64-dim utterance statistics.
Batch-hard triplet loss, PK sampling, Recall@1 on speakers that were never seen in training.
"""
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class UtteranceSource:
    """Every speaker has a voice vector; every utterance adds channel noise that is larger than the voice."""

    def __init__(self, n_speakers, per_speaker, seed):
        g = np.random.RandomState(seed)
        voice_dim, noise_dim, obs_dim = 8, 24, 64
        mix_voice = g.randn(voice_dim, obs_dim) / np.sqrt(voice_dim)
        mix_noise = g.randn(noise_dim, obs_dim) / np.sqrt(noise_dim)
        voices = g.randn(n_speakers, voice_dim)
        labels = np.repeat(np.arange(n_speakers), per_speaker)
        v = voices[labels] + 0.15 * g.randn(len(labels), voice_dim)
        obs = v @ mix_voice + 2.5 * g.randn(len(labels), noise_dim) @ mix_noise + 0.05 * g.randn(len(labels), obs_dim)
        self.x = torch.tensor(obs, dtype=torch.float32)
        self.y = torch.tensor(labels)
        self.per_speaker = per_speaker

    def split(self, n_train_speakers):
        tr = self.y < n_train_speakers
        return (self.x[tr], self.y[tr]), (self.x[~tr], self.y[~tr])


def pk_batches(y, P, K, n_batches):
    by_class = {int(c): torch.nonzero(y == c).flatten() for c in y.unique()}
    classes = list(by_class)
    for _ in range(n_batches):
        chosen = torch.randperm(len(classes))[:P].tolist()
        yield torch.cat([by_class[classes[c]][torch.randperm(len(by_class[classes[c]]))[:K]] for c in chosen])


class Encoder(nn.Module):
    def __init__(self, d_in=64, d_hid=128, d_out=16):
        super().__init__()
        self.fc1 = nn.Linear(d_in, d_hid)
        self.bn = nn.BatchNorm1d(d_hid)
        self.fc2 = nn.Linear(d_hid, d_out)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.bn(self.fc1(x)))), dim=1)


def pairwise_distance(e):
    sq = (2 - 2 * e @ e.t()).clamp(min=0)
    return (sq + 1e-8).sqrt()


def batch_hard_triplet_loss(emb, labels, margin):
    dist = pairwise_distance(emb)
    same = labels[:, None] == labels[None, :]

    hardest_pos = (dist * same.float()).max(dim=1).values
    hardest_neg = (dist * (~same).float()).min(dim=1).values
    return F.relu(hardest_pos - hardest_neg + margin).mean()


def recall_at_1(model, x, y):
    model.eval()
    with torch.no_grad():
        e = model(x)
    sim = e @ e.t()
    sim.fill_diagonal_(-2.0)
    return (y[sim.argmax(1)] == y).float().mean().item()


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--iters", type=int, default=900)
    p.add_argument("--margin", type=float, default=0.3)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("-P", type=int, default=16)
    p.add_argument("-K", type=int, default=4)
    cfg = p.parse_args()

    torch.manual_seed(cfg.seed)
    src = UtteranceSource(n_speakers=160, per_speaker=12, seed=cfg.seed)
    (x_tr, y_tr), (x_te, y_te) = src.split(120)

    net = Encoder()
    optim = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    print("Recall@1 before training: %.3f" % recall_at_1(net, x_te, y_te))

    for step, idx in enumerate(pk_batches(y_tr, cfg.P, cfg.K, cfg.iters), start=1):
        net.train()
        loss = batch_hard_triplet_loss(net(x_tr[idx]), y_tr[idx], cfg.margin)
        optim.zero_grad()
        loss.backward()
        optim.step()
        if step % 150 == 0:
            print("step %4d  loss %.4f  Recall@1 %.3f" % (step, loss.item(), recall_at_1(net, x_te, y_te)))

    print("Final Recall@1 on unseen speakers: %.4f" % recall_at_1(net, x_te, y_te))
