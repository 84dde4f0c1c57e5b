"""The heavy ball: the velocity is a decaying sum of the gradients."""

from descend.optim.vocabulary import where


def heavy_ball(theta, g, t, v=0.0, *, lr, momentum, dampening):
    """Return the momentum step and the new velocity, both of theta's shape (Polyak 1964, §2).

    As in torch, dampening does not apply to the first gradient.
    """
    v = momentum * v + where(t > 1, 1 - dampening, 1.0) * g
    return -lr * v, v
