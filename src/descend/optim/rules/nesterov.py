"""Nesterov's momentum from one gradient a step, at the point where the parameters rest."""


def nesterov(theta, g, t, v=0.0, *, lr, momentum):
    """Nesterov 1983, in the one-gradient form of Sutskever et al. 2013, §2: the velocity's next effect is added."""
    v = momentum * v + g
    return -lr * (g + momentum * v), v
