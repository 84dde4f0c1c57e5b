"""RMSprop with the gradients' variance in place of their mean square."""

from descend.optim.vocabulary import where


def centered_rmsprop(theta, g, t, v=0.0, m=0.0, *, lr, alpha, eps, eps_inside, bias_correction):
    """Return the centered RMSprop step and the new means v of g² and m of g (Graves 2013, eqs. 38–40).

    All are tensors of theta's shape. `eps` is added after the square root, `eps_inside` under it.
    """
    v, m = alpha * v + (1 - alpha) * g**2, alpha * m + (1 - alpha) * g
    correction = where(bias_correction, 1 - alpha**t, 1.0)
    return -lr * g / ((v / correction - (m / correction) ** 2 + eps_inside) ** 0.5 + eps), v, m
