"""The NAdam of Dozat's paper, whose running mean of gradients follows the warm-up of the momentum."""


def nadam_dozat(theta, g, t, m=0.0, v=0.0, product=1.0, *, lr, beta1, beta2, eps, momentum_decay):
    """Return the NAdam step, the new moments m and v, and the new product of all momenta (Dozat 2016, Algorithm 2).

    The step, m and v have theta's shape; the product is a number. The paper's µ is `beta1` with the warm-up of its §3,
    and its ν is `beta2`.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    product = product * mu
    m, v = mu * m + (1 - mu) * g, beta2 * v + (1 - beta2) * g**2
    m_hat = mu_next / (1 - product * mu_next) * m + (1 - mu) / (1 - product) * g
    v_hat = beta2 * v / (1 - beta2**t)  # Algorithm 2 has this factor beta2; torch.optim.NAdam does not.
    return -lr * m_hat / (v_hat**0.5 + eps), m, v, product
