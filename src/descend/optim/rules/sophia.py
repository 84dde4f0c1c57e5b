"""Sophia-G: momentum divided by an estimate of the curvature, with each weight's step clipped to lr."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.folds import decoupled_decay
from descend.optim.optimizer import Optimizer, Options
from descend.optim.precision import at_least_32_bits
from descend.optim.rows import as_real
from descend.optim.vocabulary import maximum, minimum


def sophia(theta, g, t, m=0.0, h=0.0, *, lr, beta1, gamma, eps):
    """Return the Sophia step, the new momentum m and the unchanged curvature h (Liu et al. 2023, Algorithm 3).

    All have theta's shape. h changes between steps, in `SophiaG.update_curvature`.
    """
    m = beta1 * m + (1 - beta1) * g
    return -lr * minimum(maximum(m / maximum(gamma * h, eps), -1.0), 1.0), m, h


class SophiaG(Optimizer):
    """Sophia-G (Liu et al. 2023) for classifiers and language models: clipped steps along momentum over curvature.

    Use it for large language models, where its authors report half of AdamW's steps.

    Call `update_curvature` with a batch's logits every tenth step. The paper recommends `gamma` such that 10 to 50 % of
    the weights are not clipped. Weight decay is decoupled.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        The decay factors of the running means of the gradient and of the Hessian's diagonal.
    gamma : float
        The factor of the Hessian's diagonal in the denominator.
    eps : float
        The smallest denominator.
    weight_decay : float
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = SophiaG(model.parameters(), lr=1e-3)
    >>> for step, (inputs, classes) in enumerate(loader):
    ...     if step % 10 == 0:
    ...         optimizer.update_curvature(model(inputs))
    ...     optimizer.zero_grad()
    ...     cross_entropy(model(inputs), classes).backward()
    ...     optimizer.step()
    """

    rule = staticmethod(sophia)
    names = {"m": "exp_avg", "h": "hessian"}
    measured = {"curvature_updates": 0}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.96, 0.99),
        gamma: float = 0.05,
        eps: float = 1e-12,
        weight_decay: float = 0.2,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"betas": betas, "gamma": gamma, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, lr=lr, **chosen, **options)

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return decoupled weight decay, as in Algorithm 3."""
        return decoupled_decay

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, and return the closure's loss. Warns if `update_curvature` has never been called."""
        if not self.param_groups[0]["curvature_updates"]:
            warnings.warn(
                "SophiaG: without update_curvature(logits) before the first step, every step of a weight is ±lr",
                stacklevel=3,  # torch wraps `step`
            )
        return super().step(closure)

    def update_curvature(
        self,
        logits: Tensor,
        generator: torch.Generator | None = None,
        process_group: "torch.distributed.ProcessGroup | None" = None,
    ) -> None:
        """Update the running mean of the Hessian's diagonal from the logits of a batch.

        This is the Gauss-Newton-Bartlett estimator (Liu et al. 2023, Algorithm 2): labels are drawn from the model's
        own predictions, and B·ĝ² is the estimate for B rows of logits and the gradient ĝ of their mean cross-entropy.
        Gradients that `backward` has stored are not changed.

        Parameters
        ----------
        logits : torch.Tensor
            The model's outputs ``(…, classes)``, which autograd can follow. Leave out padding.
        generator : torch.Generator, optional
            The generator of the labels. Default: torch's own.
        process_group : torch.distributed.ProcessGroup, optional
            The processes that train copies of the model, such as `torch.distributed.group.WORLD`. Their estimates are
            averaged, because copies with different curvatures diverge. Compute the logits with the module inside
            `DistributedDataParallel`: `optimizer.update_curvature(model.module(inputs), process_group=group)`.

        Raises
        ------
        ValueError
            For logits that do not depend on the parameters.
        """
        if not logits.requires_grad or logits.dim() < 2:
            raise ValueError(
                "SophiaG.update_curvature needs logits of shape (…, classes) that depend on the parameters, "
                f"not a tensor of shape {tuple(logits.shape)} with requires_grad={logits.requires_grad}"
            )
        rows = logits.flatten(0, -2)
        labels = torch.multinomial(rows.detach().float().softmax(-1), 1, generator=generator).squeeze(1)
        loss = torch.nn.functional.cross_entropy(rows, labels)
        pairs = [(group, p) for group in self.param_groups for p in group["params"] if p.requires_grad]
        gradients = torch.autograd.grad(loss, [parameter for _, parameter in pairs], allow_unused=True)
        if all(gradient is None for gradient in gradients):
            raise ValueError("SophiaG.update_curvature: the logits do not depend on the optimizer's parameters")
        for (group, parameter), gradient in zip(pairs, gradients):
            if gradient is None and process_group is not None:  # another process may have a gradient
                gradient = torch.zeros_like(parameter)
            if gradient is not None:
                state = self._create_or_get_state(self.complete_rule(group), group, parameter)
                estimate = len(rows) * at_least_32_bits(as_real(gradient.to_dense())) ** 2
                if process_group is not None:
                    torch.distributed.all_reduce(estimate, group=process_group)
                    estimate /= process_group.size()
                hessian, beta2 = as_real(state["hessian"]), group["betas"][1]
                hessian.copy_(beta2 * at_least_32_bits(hessian) + (1 - beta2) * estimate)
        for group in self.param_groups:
            group["curvature_updates"] += 1
