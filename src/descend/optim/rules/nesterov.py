"""Nesterov's momentum with one gradient per step, computed at the current parameters."""


def nesterov(theta, g, t, v=0.0, *, lr, momentum):
    """Return the Nesterov step and the new velocity, both of theta's shape (Nesterov 1983; Sutskever et al. 2013, §2).

    The step already includes the next step's momentum, so one gradient per step is enough.
    """
    v = momentum * v + g
    return -lr * (g + momentum * v), v
