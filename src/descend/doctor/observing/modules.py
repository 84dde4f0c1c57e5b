"""The script's modules and parameters by name, and the places where they are made and called."""

import weakref
from collections.abc import Iterable, Set
from dataclasses import replace
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from descend.doctor.observing.frames import (
    CallSpan,
    SourceTree,
    call_span,
    constructor_caller,
    is_in_forward,
    outermost_module,
    running_module,
)
from descend.doctor.probes.fresh import is_fresh
from descend.doctor.record import IN_SCRIPT, Fact, Listener, Site, facts, is_installed
from descend.doctor.tape import Origin

LAYERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.Embedding, nn.MultiheadAttention)
ANEW = 3  # passes in which a layer is made: one that is made when it is first needed is made in one


class Modules:
    """Who made which module where, and which one is the model."""

    def __init__(self, tree: SourceTree, send: Listener) -> None:
        self.tree, self.send = tree, send
        # by id: a module may define an equality of its own, which cannot be asked while it is being made
        self._made: dict[int, tuple[weakref.ref[nn.Module], CallSpan | None]] = {}
        self._made_in_forward: dict[CallSpan, set[int]] = {}  # and after how many passes
        self._found: list[weakref.ref[nn.Module]] = []  # the models, outermost modules; not kept alive by us
        self._called: dict[int, weakref.ref[nn.Module]] = {}  # by id: whose forward a taped call was made in
        self._names: list[tuple[weakref.ref[Tensor], str]] = []
        self._sent: set[tuple[str, str]] = set()
        self._dropout: dict[int, str] = {}  # by id: the places of the model's dropout layers

    def note_made(self, module: nn.Module, frame: FrameType | None, passes: int) -> None:
        """Remember where a module is being constructed, after so many passes; `frame` is inside its constructor."""
        caller = self.tree.caller(constructor_caller(frame, module))
        key, span = id(module), call_span(caller)
        self._made[key] = (weakref.ref(module, lambda _: self._made.pop(key, None)), span)
        if isinstance(module, LAYERS) and span is not None and torch.is_grad_enabled() and is_in_forward(caller):
            seen = self._made_in_forward.setdefault(span, set())
            seen.add(passes)
            if len(seen) == ANEW:
                place = str(sum(len(passes) >= ANEW for passes in self._made_in_forward.values()) - 1)
                self.send([Fact.of(facts.MadeInForward(type(module).__name__, span.line), 0, place)])
                self.note_site("made_in_forward", place, span, type(module).__name__)

    def note_model_call(self, frame: FrameType) -> None:
        """Find the model: the outermost module that is being called when a parameter is first used."""
        called, caller = outermost_module(frame)
        span = call_span(self.tree.caller(caller or frame))
        if not isinstance(called, nn.Module):
            self.note_site("model_call", "", span)
            return
        known = [key for key, root in self._roots() if _holds(root, called)]
        key = known[0] if known else str(len(self._found))
        if not known:
            model = self._whole(called)
            self._found.append(weakref.ref(model))
            self.note_site("model", key, self._made_at(model), type(model).__name__)
            self._note_dropout(key, model)
        self.note_site("model_call", key, span)

    def _note_dropout(self, key: str, model: nn.Module) -> None:
        for name, module in model.named_modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                place = self._dropout[id(module)] = _place(key, name)
                self.note_site("dropout", place, self._made_at(module), type(module).__name__)
                self.send([Fact.of(facts.Dropout(float(module.p)), 0, place)])

    def place_of_dropout(self, layer: nn.Module) -> str | None:
        """Return the place at which a dropout layer of the model was reported."""
        return self._dropout.get(id(layer))

    def _roots(self) -> list[tuple[str, nn.Module]]:
        return [(str(i), root) for i, found in enumerate(self._found) if (root := found()) is not None]

    def averages_gradients(self) -> bool:
        """Whether a model of the script's averages its gradients over the processes of its group."""
        return any(isinstance(root, DistributedDataParallel) for _, root in self._roots())

    def _whole(self, part: nn.Module) -> nn.Module:
        """Return the largest of the script's modules that `part` belongs to: its parts may be called one by one."""
        made = [module for found, _ in list(self._made.values()) if (module := found()) is not None]
        wholes = [whole for whole in made if _holds(whole, part)]
        return max(wholes, key=lambda whole: sum(1 for _ in whole.modules()), default=part)

    def note_loader(self, frame: FrameType | None) -> str:
        """Remember where a loader is being constructed; return the number that it goes by."""
        number = str(sum(kind == "loader" for kind, _ in self._sent))
        self.note_call("loader", number, frame)
        return number

    def note_call(self, kind: str, key: str, frame: FrameType | None, detail: str = "") -> None:
        """Send where something is made or called; and where the script has it done, where a library does it."""
        if self.has(kind, key):
            return
        span = call_span(self.tree.caller(frame))
        self.note_site(kind, key, span, detail)
        if span is not None and is_installed(span.file):
            self.note_site(f"{kind}{IN_SCRIPT}", key, call_span(self.tree.in_script(frame)), detail)

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
        if isinstance(module, nn.Module) and torch.is_grad_enabled():  # a teacher is called without
            self._called[id(module)] = weakref.ref(module)
        site = self.tree.site("call", "", call_span(self.tree.caller(frame)))
        return Origin(site, module if isinstance(module, nn.Module) else None)

    def made_at(self, module: nn.Module) -> Site | None:
        """Return where a module was constructed."""
        return self.tree.site("module", self.name(module), self._made_at(module))

    def _made_at(self, module: nn.Module) -> CallSpan | None:
        return self._made.get(id(module), (None, None))[1]

    def name(self, module: nn.Module) -> str:
        """Return a module's qualified name in the model; its class's name where it is not part of one."""
        for _, root in self._roots():
            for name, child in root.named_modules():
                if child is module:
                    return name
        return type(module).__name__

    def parameter_names(self) -> dict[int, str]:
        """Return the qualified name of each known parameter, by id."""
        known = {id(p): name for found, name in self._names if (p := found()) is not None}
        for key, root in self._roots():
            for name, parameter in root.named_parameters():
                if id(parameter) not in known:
                    known[id(parameter)] = _place(key, name)
                    self._names.append((weakref.ref(parameter), known[id(parameter)]))
        return known

    def note_names(self, named: Iterable[tuple[str, Tensor]]) -> None:
        """Take the script's own names of parameters that are no module's."""
        known = {id(found()) for found, _ in self._names}
        self._names += [(weakref.ref(tensor), name) for name, tensor in named if name and id(tensor) not in known]

    def embeddings(self) -> set[str]:
        """Return the names of the weights of embeddings, whose rows are not units."""
        kinds: tuple[Any, ...] = (nn.Embedding, nn.EmbeddingBag)
        names = self.parameter_names()
        tables = [m.weight for _, root in self._roots() for m in root.modules() if isinstance(m, kinds)]
        return {names.get(id(weight), "") for weight in tables}

    def idle_switches(self) -> list[str]:
        """Return the names of the model's dropout and normalisation modules that are in evaluation mode."""
        kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
        return [
            _place(key, name)
            for key, root in self._roots()
            for name, module in root.named_modules()
            if isinstance(module, kinds) and not module.training
        ]

    def unfit_statistics(self) -> list[str]:
        """Return the names of normalisations in evaluation mode whose running statistics were never fitted."""
        return [
            _place(key, name)
            for key, root in self._roots()
            for name, module in root.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and not module.training
            and module.num_batches_tracked is not None
            and int(module.num_batches_tracked) == 0
            and module.running_mean is not None
            and not bool(module.running_mean.count_nonzero())
        ]

    def unreached(self, held: Set[int]) -> list[str]:
        """Return the names of held, fresh weights of modules that were called and that no gradient has reached."""
        called = [module for found in self._called.values() if (module := found()) is not None]
        own = {id(p) for module in called for p in module._parameters.values() if p is not None}
        parameters: list[tuple[str, Tensor]] = [pair for _, root in self._roots() for pair in root.named_parameters()]
        waiting = [(name, p) for name, p in parameters if id(p) in own & held and p.requires_grad and p.grad is None]
        return [name for name, p in waiting if p.ndim > 1 and is_fresh(p.detach())]

    def unheld(self, held: Set[int]) -> list[str]:
        """Return the names of trainable parameters of the model that no optimizer holds."""
        parameters: list[tuple[str, Tensor]] = [pair for _, root in self._roots() for pair in root.named_parameters()]
        return [name for name, p in parameters if p.requires_grad and id(p) not in held]


def _place(key: str, name: str) -> str:
    """Return a qualified name, told from those of the first model."""
    return name if key == "0" else f"{key}.{name}"


def _holds(whole: nn.Module, part: nn.Module) -> bool:
    return any(module is part for module in whole.modules())
