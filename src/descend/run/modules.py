"""The script's modules and parameters by name, and the places where they are made and called."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from torch import Tensor, nn

from descend.record import Message, Site
from descend.run.frames import (
    CallSpan,
    SourceTree,
    call_span,
    constructor_caller,
    outermost_module,
    running_module,
)
from descend.tape import Origin


class Modules:
    """Who made which module where, and which one is the model."""

    def __init__(self, tree: SourceTree, send: Callable[[list[Message]], None]) -> None:
        self.tree, self.send = tree, send
        self._made: weakref.WeakKeyDictionary[nn.Module, CallSpan | None] = weakref.WeakKeyDictionary()
        self._roots: list[nn.Module] = []
        self._names: dict[int, str] = {}  # id of a parameter -> name
        self._sent: set[tuple[str, str]] = set()

    def note_made(self, module: nn.Module, frame: FrameType | None) -> None:
        """Remember where a module is being constructed; `frame` is inside its constructor."""
        caller = self.tree.caller(constructor_caller(frame, module))
        self._made[module] = call_span(caller)

    def note_model_call(self, frame: FrameType) -> None:
        """Find the model: the outermost module that is being called when a parameter is first used."""
        module, caller = outermost_module(frame)
        user = self.tree.caller(caller or frame)
        if isinstance(module, nn.Module) and module not in self._roots:
            self._roots.append(module)
            key = str(len(self._roots) - 1)
            prefix = f"{key}." if len(self._roots) > 1 else ""
            for name, parameter in module.named_parameters():
                self._names.setdefault(id(parameter), prefix + name)
            self.note_site("model", key, self._made.get(module), type(module).__name__)
        self.note_site("model_call", "" if module is None else str(len(self._roots) - 1), call_span(user))

    def note_loader(self, frame: FrameType | None) -> None:
        """Remember where a loader is being constructed."""
        loaders = sum(kind == "loader" for kind, _ in self._sent)
        self.note_site("loader", str(loaders), call_span(self.tree.caller(frame)))

    def note_known(self, kind: str, key: str, site: Site | None, detail: str) -> None:
        """Send a site that a probe has found, the first time that it is seen."""
        if site is not None and (kind, key) not in self._sent:
            self._sent.add((kind, key))
            self.send([replace(site, kind=kind, key=key, detail=detail)])

    def note_site(self, kind: str, key: str, span: CallSpan | None, detail: str = "") -> None:
        """Send a site the first time that it is seen."""
        if (kind, key) in self._sent:
            return
        site = self.tree.site(kind, key, span, detail)
        if site is not None:
            self._sent.add((kind, key))
            self.send([site])

    def has(self, kind: str, key: str) -> bool:
        """Whether that site is known already."""
        return (kind, key) in self._sent

    def origin(self, frame: FrameType) -> Origin:
        """Return where a torch call comes from: the user's line and the running module."""
        module = running_module(frame)
        site = self.tree.site("call", "", call_span(self.tree.caller(frame)))
        return Origin(site, module if isinstance(module, nn.Module) else None)

    def made_at(self, module: nn.Module) -> Site | None:
        """Return where a module was constructed."""
        return self.tree.site("module", self.name(module), self._made.get(module))

    def name(self, module: nn.Module) -> str:
        """Return a module's qualified name in the model; its class's name where it is not part of one."""
        for root in self._roots:
            for name, child in root.named_modules():
                if child is module:
                    return name
        return type(module).__name__

    def parameter_names(self) -> dict[int, str]:
        """Return the qualified name of each known parameter, by id."""
        return self._names

    def embeddings(self) -> set[str]:
        """Return the names of the weights of embeddings, whose rows are not units."""
        kinds: tuple[Any, ...] = (nn.Embedding, nn.EmbeddingBag)
        tables = [m.weight for root in self._roots for m in root.modules() if isinstance(m, kinds)]
        return {self._names.get(id(weight), "") for weight in tables}

    def idle_switches(self) -> list[str]:
        """Return the names of the model's dropout and normalisation modules that are in evaluation mode."""
        kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
        return [
            name
            for root in self._roots
            for name, module in root.named_modules()
            if isinstance(module, kinds) and not module.training
        ]

    def unheld(self, held: set[int]) -> list[str]:
        """Return the names of trainable parameters of the model that no optimizer holds."""
        parameters: list[tuple[str, Tensor]] = [pair for root in self._roots for pair in root.named_parameters()]
        return [name for name, p in parameters if p.requires_grad and id(p) not in held]
