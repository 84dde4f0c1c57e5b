"""The script's modules and parameters by name, and the places in the source that make and call them."""

import gc
import weakref
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from descend.doctor.instrumentation.frames import (
    CallSpan,
    SourceTree,
    call_span,
    constructor_caller,
    is_in_forward,
    original_caller,
    outermost_module,
    running_module,
)
from descend.doctor.measure.default_initialisation import has_default_initialisation
from descend.doctor.record import IN_SCRIPT, Fact, Listener, Site, SiteKind, facts, is_installed
from descend.doctor.tape import Origin

LAYERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.Embedding, nn.MultiheadAttention)
REPEATED = 3  # A layer is reported if this many forward passes create it. Only one creates a lazy layer.


class Modules:
    """Keeps track of the script's modules, of the places where they are created and called, and of its models."""

    def __init__(self, tree: SourceTree, send: Listener) -> None:
        self.tree, self.send = tree, send
        # id -> (module, place of its creation). A module's own `__eq__` may fail while the module is being created.
        self._made: dict[int, tuple[weakref.ref[nn.Module], CallSpan | None]] = {}
        # place where a forward pass creates a layer -> numbers of backward passes before each creation
        self._made_in_forward: dict[CallSpan, set[int]] = {}
        # the models (outermost modules), which the weak references do not keep alive
        self._found: list[weakref.ref[nn.Module]] = []
        self._called: dict[int, weakref.ref[nn.Module]] = {}  # id -> module whose forward has made a recorded call
        self._names: list[tuple[weakref.ref[Tensor], str]] = []
        # id of a module -> (module, its qualified name), because a model may be freed before the last measurement
        self._module_names: dict[int, tuple[weakref.ref[nn.Module], str]] = {}
        self._data_parallel: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._sent: set[tuple[str, str]] = set()
        self._dropout: dict[int, str] = {}  # id of a dropout layer -> the name under which it is recorded

    def record_construction(self, module: nn.Module, frame: FrameType | None, passes: int) -> None:
        """Record where a module is created, and after how many backward passes; `frame` is in its constructor."""
        caller = self.tree.caller(constructor_caller(frame, module))
        key, span = id(module), call_span(caller)
        self._made[key] = (weakref.ref(module, lambda _: self._made.pop(key, None)), span)
        if isinstance(module, DistributedDataParallel):
            self._data_parallel.add(module)
        if isinstance(module, LAYERS) and span is not None and torch.is_grad_enabled() and is_in_forward(caller):
            seen = self._made_in_forward.setdefault(span, set())
            seen.add(passes)
            if len(seen) == REPEATED:
                place = str(sum(len(passes) >= REPEATED for passes in self._made_in_forward.values()) - 1)
                self.send([Fact.of(facts.MadeInForward(type(module).__name__, span.line), 0, place)])
                self.report_site(SiteKind.MADE_IN_FORWARD, place, span, type(module).__name__)

    def find_model(self, frame: FrameType) -> None:
        """Report the model: the outermost module that is being called when a step first uses a parameter."""
        called, caller = outermost_module(frame)
        span = call_span(self.tree.caller(caller or frame))
        if not isinstance(called, nn.Module):
            self.report_site(SiteKind.MODEL_CALL, "", span)
            return
        known = [found for found in self._existing_models() if _contains(found[1], called)]
        key, model = known[0] if known else (str(len(self._found)), self._largest_parent(called))
        if not known:
            self._found.append(weakref.ref(model))
            self.report_site(SiteKind.MODEL, key, self._creation_span(model), type(model).__name__)
            self._report_dropout(key, model)
        self._add_module_names(model)
        self.report_site(SiteKind.MODEL_CALL, key, span)

    def _report_dropout(self, key: str, model: nn.Module) -> None:
        """Report the dropout layers of a model with their rates and the places where they are created."""
        for name, module in model.named_modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                place = self._dropout[id(module)] = _report_name(key, name)
                self.report_site(SiteKind.DROPOUT, place, self._creation_span(module), type(module).__name__)
                self.send([Fact.of(facts.Dropout(float(module.p)), 0, place)])

    def place_of_dropout(self, layer: nn.Module) -> str | None:
        """Return the name under which a model's dropout layer was reported; None for other layers."""
        return self._dropout.get(id(layer))

    def _existing_models(self) -> list[tuple[str, nn.Module]]:
        """Return (key, model) for each model of the script that still exists."""
        return [(str(i), root) for i, found in enumerate(self._found) if (root := found()) is not None]

    @property
    def has_model(self) -> bool:
        """Return whether a recorded step has shown a model of the script."""
        return bool(self._found)

    def averages_gradients(self) -> bool:
        """Return whether a model averages its gradients over several processes (`DistributedDataParallel`).

        The answer depends on the script alone, so that it is the same in all ranks. The steps that were recorded so far
        depend on the time that each rank has.
        """
        return len(self._data_parallel) > 0

    def find_data_parallel(self) -> None:
        """Find the `DistributedDataParallel` models that were created before this run is observed."""
        self._data_parallel.update(x for x in gc.get_objects() if issubclass(type(x), DistributedDataParallel))

    def _largest_parent(self, part: nn.Module) -> nn.Module:
        """Return the largest module that contains `part`, because a script may call its model's parts one by one."""
        made = [module for found, _ in list(self._made.values()) if (module := found()) is not None]
        wholes = [whole for whole in made if _contains(whole, part)]
        return max(wholes, key=lambda whole: sum(1 for _ in whole.modules()), default=part)

    def add_loader(self, frame: FrameType | None) -> str:
        """Report the place in the source that creates a loader; return the number of the loader."""
        number = str(sum(kind == SiteKind.LOADER for kind, _ in self._sent))
        self.report_call(SiteKind.LOADER, number, frame)
        return number

    def report_call(self, kind: SiteKind, key: str, frame: FrameType | None, detail: str = "") -> None:
        """Report the place of a call in the source and, if a library makes it, where the script calls the library."""
        if self.has_reported(kind, key):
            return
        span = call_span(self.tree.caller(frame))
        self.report_site(kind, key, span, detail)
        if span is not None and is_installed(span.file):
            self.report_site(kind, key, call_span(self.tree.in_script(frame)), detail, suffix=IN_SCRIPT)

    def report_known_site(self, kind: SiteKind, key: str, site: Site | None, detail: str) -> None:
        """Report a place in the source that a measurement has found, unless it has been reported before."""
        if site is not None and (kind, key) not in self._sent:
            self._sent.add((kind, key))
            self.send([replace(site, kind=kind, key=key, detail=detail)])

    def report_site(self, kind: SiteKind, key: str, span: CallSpan | None, detail: str = "", suffix: str = "") -> None:
        """Report the place of a call in the source, unless one of this kind and key has been reported before."""
        name = f"{kind}{suffix}"
        if (name, key) in self._sent:
            return
        site = self.tree.site(name, key, span, detail)
        if site is not None:
            self._sent.add((name, key))
            self.send([site])

    def has_reported(self, kind: SiteKind, key: str) -> bool:
        """Return whether a place in the source of this kind and key has been reported."""
        return (kind, key) in self._sent

    def origin(self, frame: FrameType) -> Origin:
        """Return the source line of a torch call, and the module whose `forward` makes the call."""
        caller = original_caller(frame)
        module = running_module(caller)
        # A module that runs without gradients, such as a teacher network, is not trained.
        if isinstance(module, nn.Module) and torch.is_grad_enabled():
            self._called[id(module)] = weakref.ref(module)
        site = self.tree.site(SiteKind.CALL, "", call_span(self.tree.caller(caller)))
        return Origin(site, module if isinstance(module, nn.Module) else None)

    def made_at(self, module: nn.Module) -> Site | None:
        """Return the place in the source where a module was created, for reports; None if it is unknown."""
        return self.tree.site(SiteKind.MODULE, self.name(module), self._creation_span(module))

    def _creation_span(self, module: nn.Module) -> CallSpan | None:
        """Return the position of the call that created a module; None if it is unknown."""
        return self._made.get(id(module), (None, None))[1]

    def name(self, module: nn.Module) -> str:
        """Return a module's qualified name in the model, or its class name if it is not part of a model."""
        if (known := self._known_name(module)) is None:
            for _, root in self._existing_models():
                self._add_module_names(root)
            known = self._known_name(module)
        return type(module).__name__ if known is None else known

    def _known_name(self, module: nn.Module) -> str | None:
        """Return the stored qualified name of a module; None if it is not known to be part of a model."""
        found, name = self._module_names.get(id(module), (None, None))
        return name if found is not None and found() is module else None

    def _add_module_names(self, model: nn.Module) -> None:
        """Store the qualified name of each module of a model; a module keeps the first name for the whole run."""
        for name, module in model.named_modules():
            if self._known_name(module) is None:
                self._module_names[id(module)] = (weakref.ref(module), name)

    def parameter_names(self) -> dict[int, str]:
        """Return the qualified name of each known parameter by id."""
        known = {id(p): name for found, name in self._names if (p := found()) is not None}
        for key, root in self._existing_models():
            for name, parameter in root.named_parameters():
                if id(parameter) not in known:
                    known[id(parameter)] = _report_name(key, name)
                    self._names.append((weakref.ref(parameter), known[id(parameter)]))
        return known

    def add_parameter_names(self, named: Iterable[tuple[str, Tensor]]) -> None:
        """Add the script's own names of parameters that do not belong to a module."""
        known = {id(found()) for found, _ in self._names}
        self._names += [(weakref.ref(tensor), name) for name, tensor in named if name and id(tensor) not in known]

    def embeddings(self) -> set[str]:
        """Return the names of the embedding weights, whose rows are not the units of a layer."""
        kinds: tuple[Any, ...] = (nn.Embedding, nn.EmbeddingBag)
        names = self.parameter_names()
        tables = [m.weight for _, root in self._existing_models() for m in root.modules() if isinstance(m, kinds)]
        return {names.get(id(weight), "") for weight in tables}

    def modules_in_eval_mode(self) -> list[str]:
        """Return the names of the model's dropout and batch norm modules that are in evaluation mode."""
        kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
        return [
            _report_name(key, name)
            for key, root in self._existing_models()
            for name, module in root.named_modules()
            if isinstance(module, kinds) and not module.training
        ]

    def unfitted_batch_norms(self) -> list[str]:
        """Return the names of batch norm modules in evaluation mode whose running statistics were never updated."""
        return [
            _report_name(key, name)
            for key, root in self._existing_models()
            for name, module in root.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and not module.training
            and module.num_batches_tracked is not None
            and int(module.num_batches_tracked) == 0
            and module.running_mean is not None
            and not bool(module.running_mean.count_nonzero())
        ]

    def weights_without_gradient(self, held: Set[int]) -> list[str]:
        """Return the names of an optimizer's weights that the network uses, but that have never had a gradient."""
        called = [module for found in self._called.values() if (module := found()) is not None]
        own = {id(p) for module in called for p in module._parameters.values() if p is not None}
        parameters: list[tuple[str, Tensor]] = [
            pair for _, root in self._existing_models() for pair in root.named_parameters()
        ]
        waiting = [(name, p) for name, p in parameters if id(p) in own & held and p.requires_grad and p.grad is None]
        return [name for name, p in waiting if p.ndim > 1 and has_default_initialisation(p.detach())]

    def parameters_without_optimizer(self, held: Set[int]) -> dict[str, Tensor]:
        """Return the model's trainable parameters that no optimizer holds, by name."""
        parameters = [pair for _, root in self._existing_models() for pair in root.named_parameters()]
        return {name: p for name, p in parameters if p.requires_grad and id(p) not in held}

    def replaced_parameters(self, held: Iterable[Tensor], unheld: Mapping[str, Tensor]) -> list[str]:
        """Return the names of parameters that no optimizer holds, although one holds former parameters of equal shapes.

        Former parameters belong to no model any more and have never had a gradient. held: the optimizer's parameters;
        unheld: the model's parameters that no optimizer holds, by name.
        """
        own = {id(p) for _, root in self._existing_models() for p in root.parameters()}
        former = [p.shape for p in held if p.grad is None and id(p) not in own]
        found = []
        for name, parameter in unheld.items() if own else ():
            if parameter.shape in former:
                former.remove(parameter.shape)
                found.append(name)
        return found


def _report_name(key: str, name: str) -> str:
    """Return a qualified name for reports; in the second model or a later one, it begins with the model's number."""
    return name if key == "0" else f"{key}.{name}"


def _contains(whole: nn.Module, part: nn.Module) -> bool:
    """Return whether the module `part` is `whole` itself or a module inside it."""
    return any(module is part for module in whole.modules())
