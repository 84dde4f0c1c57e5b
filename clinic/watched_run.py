"""Run a script with a diagnosis tool in its training loop, where the tool's documentation says to write it.

The script stays as it is. PyTorch's own methods call the tool: `Optimizer.__init__` and `Optimizer.step`,
`Module.__call__`, `torch.autograd.backward` and `GradScaler.scale`.
"""

import contextlib
import gc
import io
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn

MOST_OPTIMIZERS = 4  # that a tool watches; a script may make a new one for each task or client


@dataclass
class Trained:
    """An optimizer and the outermost networks that hold its parameters."""

    optimizer: torch.optim.Optimizer
    networks: list[nn.Module] = field(default_factory=list)

    def holds(self, network: nn.Module) -> bool:
        """Return whether a network is one of the networks, or a part of one."""
        return any(network is each for whole in self.networks for each in whole.modules())


class Tool:
    """The part of a tool in a training loop. Each method calls `proceed` once: the call that the script makes."""

    def begin(self, trained: Trained) -> None:
        """Start to watch an optimizer and its networks, before the first forward pass."""

    def forward(self, network: nn.Module, proceed: Callable[[], Any], given: tuple[tuple[Any, ...], dict]) -> Any:
        """Call a network that is no part of a network in a call. given: its arguments, by place and by name."""
        return proceed()

    def backward(self, loss: torch.Tensor, proceed: Callable[[], Any]) -> None:
        """Compute the gradients of a loss."""
        proceed()

    def step(self, trained: Trained, proceed: Callable[[], Any], loss: float | None) -> None:
        """Step an optimizer. loss: the last one whose gradients were computed."""
        proceed()


class WatchedRun:
    """A run of a script that calls a tool."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.watched: list[Trained] = []
        self.loss: float | None = None
        self._waiting: list[Trained] = []
        self._depth = 0  # of calls of networks
        self._stepping: set[int] = set()
        self._classes: list[tuple[type, Any]] = []  # whose steps call the tool, and the steps as they were

    def run(self, script: Path) -> bool:
        """Run a script in its own folder without its output; return whether it comes to its end."""
        torch.set_num_threads(1)
        sys.argv, sys.path[0] = [script.name], str(script.parent.resolve())
        os.chdir(script.parent)
        with self._calls(), contextlib.redirect_stdout(io.StringIO()):
            try:
                runpy.run_path(script.name, run_name="__main__")
            except SystemExit as exit:
                return not exit.code
            except Exception:
                traceback.print_exc()
                return False
        return True

    @contextlib.contextmanager
    def _calls(self) -> Iterator[None]:
        """Let PyTorch call the tool for as long as the context lasts."""
        init, call, scale = torch.optim.Optimizer.__init__, nn.Module.__call__, torch.amp.GradScaler.scale
        backward = torch.autograd.backward

        def made(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
            init(optimizer, *args, **kwargs)
            self._note(optimizer)

        def called(network: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._depth:
                return call(network, *args, **kwargs)
            self._begin()
            self._depth += 1
            try:
                return self.tool.forward(network, lambda: call(network, *args, **kwargs), (args, kwargs))
            finally:
                self._depth -= 1

        def differentiated(tensors: Any, *args: Any, **kwargs: Any) -> None:
            self._begin()
            if not isinstance(tensors, torch.Tensor) or tensors.numel() != 1:
                return backward(tensors, *args, **kwargs)
            self.loss = float(getattr(tensors, "unscaled", tensors).detach())
            return self.tool.backward(tensors, lambda: backward(tensors, *args, **kwargs))

        def scaled(scaler: Any, outputs: Any) -> Any:
            result = scale(scaler, outputs)
            if isinstance(result, torch.Tensor):
                result.unscaled = outputs  # type: ignore[attr-defined]
            return result

        with (
            mock.patch.object(torch.optim.Optimizer, "__init__", made),
            mock.patch.object(nn.Module, "__call__", called),
            mock.patch.object(torch.amp.GradScaler, "scale", scaled),
            mock.patch.object(torch.autograd, "backward", differentiated),
        ):
            try:
                yield
            finally:
                for kind, step in self._classes:
                    kind.step = step  # type: ignore[attr-defined]

    def _note(self, optimizer: torch.optim.Optimizer) -> None:
        """Note a new optimizer, and let the steps of its class call the tool."""
        if len(self.watched) + len(self._waiting) < MOST_OPTIMIZERS:
            self._waiting.append(Trained(optimizer, networks_of(_parameters(optimizer))))
        kind = type(optimizer)
        if not hasattr(kind.step, "calls_tool"):
            self._classes.append((kind, kind.step))
            kind.step = self._watched_step(kind.step)  # type: ignore[method-assign]

    def _watched_step(self, step: Callable[..., Any]) -> Any:
        def stepped(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
            self._begin()
            trained = next((each for each in self.watched if each.optimizer is optimizer), None)
            if trained is None or id(optimizer) in self._stepping:
                return step(optimizer, *args, **kwargs)
            results: list[Any] = []
            self._stepping.add(id(optimizer))
            try:
                self.tool.step(trained, lambda: results.append(step(optimizer, *args, **kwargs)), self.loss)
            finally:
                self._stepping.discard(id(optimizer))
            return results[0]

        stepped.__dict__.update(step.__dict__, calls_tool=True)  # PyTorch marks the steps that it has wrapped
        return stepped

    def _begin(self) -> None:
        """Show the tool the optimizers that are new: the script has made its schedules and loaded its weights."""
        while self._waiting:
            trained = self._waiting.pop(0)
            trained.networks = trained.networks or networks_of(_parameters(trained.optimizer))
            if trained.networks:
                self.watched.append(trained)
                self.tool.begin(trained)


def networks_of(parameters: Iterable[torch.Tensor]) -> list[nn.Module]:
    """Return the outermost networks of this process that hold some parameters, in the order of the parameters."""
    places = {id(parameter): place for place, parameter in enumerate(parameters)}
    held: dict[int, tuple[nn.Module, set[int]]] = {}
    for each in gc.get_objects():
        if issubclass(type(each), nn.Module) and "_parameters" in vars(each):
            found = {places[id(parameter)] for parameter in each.parameters() if id(parameter) in places}
            if found:
                held[id(each)] = (each, found)
    inner = {id(part) for whole, _ in held.values() for part in whole.modules() if part is not whole}
    outer = [(network, found) for own, (network, found) in held.items() if own not in inner]
    chosen: list[tuple[nn.Module, set[int]]] = []
    covered: set[int] = set()
    for network, found in sorted(outer, key=lambda pair: len(pair[1]), reverse=True):
        if not found <= covered:
            chosen.append((network, found))
            covered |= found
    return [network for network, found in sorted(chosen, key=lambda pair: min(pair[1]))]


def whole_of(networks: list[nn.Module]) -> nn.Module:
    """Return one network that holds some networks."""
    return networks[0] if len(networks) == 1 else nn.ModuleList(networks)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
