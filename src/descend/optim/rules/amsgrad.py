"""AMSGrad: Adam that divides by the largest mean square so far, so its learning rates never grow."""

from descend.optim.vocabulary import maximum, where


def amsgrad(theta, g, t, m=0.0, v=0.0, peak=0.0, *, lr, beta1, beta2, eps, bias_correction):
    """Return the AMSGrad step, the new moments m and v, and the largest v so far (Reddi, Kale & Kumar 2018, Alg. 2).

    All are tensors of theta's shape.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    peak = maximum(peak, v)
    m_hat = m / where(bias_correction, 1 - beta1**t, 1.0)
    v_hat = peak / where(bias_correction, 1 - beta2**t, 1.0)
    return -lr * m_hat / (v_hat**0.5 + eps), m, v, peak
