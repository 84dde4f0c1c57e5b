"""Checkpoints that are whole or not there, and from which training goes on bit for bit."""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.serialization import get_crc32_options, get_safe_globals, set_crc32_options

from descend.schedules.scheduler import Scheduler

FORMAT = 1
MOMENTS = frozenset({"exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg", "sum", "exp_inf"})  # as torch names them
LOADABLE = (Tensor, torch.Size, torch.dtype, torch.device, int, float, complex, str, bytes, bool, type(None), set)
Numbers = int | float | str | bool | None


class Checkpoint:
    """A file with the states of everything that training needs: model, rule, schedule, sampler, average, generators.

    A part is anything with `state_dict` and `load_state_dict`, and is saved under the name given here. The states of
    torch's, NumPy's and Python's generators go with them. A file is written beside its place and then moved there in
    one piece: whoever dies while it is written leaves the one before. `durable=True` waits for the disk, so that a
    power cut leaves one of the two as well.

    >>> checkpoint = Checkpoint(path, model=model, optimizer=optimizer)
    >>> first = checkpoint.resume() or 0
    >>> for step in range(first, 10):
    ...     checkpoint.save(step + 1)
    """

    def __init__(self, path: Path | str, *, durable: bool = False, **parts: Any) -> None:
        for name, part in parts.items():
            if not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
                raise TypeError(f"Checkpoint: {name} has no state to save: it is a {type(part).__name__}")
        self.path, self.durable, self.parts = Path(path), durable, parts

    def save(self, progress: Numbers = None) -> None:
        """Write all states, and `progress` (a step, an epoch) beside them.

        Raises `OSError` where that fails, `TypeError` for a state that could not be loaded again; the file that was
        there stays.
        """
        self._check_folder()
        saved = {
            "format": FORMAT,
            "progress": _loadable("progress", _plain(progress)),
            "kinds": {name: type(part).__name__ for name, part in self.parts.items()},
            "parts": {name: _loadable(name, _plain(part.state_dict())) for name, part in self.parts.items()},
            "generators": generators(),
        }
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            with _no_checksums():
                torch.save(saved, beside)
            if self.durable:
                _wait_for_disk(beside)
            beside.replace(self.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        if self.durable:
            _wait_for_disk(self.path.absolute().parent)

    def resume(self) -> Numbers:
        """Give every part its saved state and return the progress; None where there is no file yet.

        Raises `ValueError` for a file that is torn or no checkpoint, or that holds another model, rule or part;
        nothing has been loaded then. Raises `FileNotFoundError` where nothing could be saved either.
        """
        self._check_folder()
        self._clear()
        if not self.path.exists():
            return None
        saved = self._read()
        self._check_all(saved)
        for name, part in sorted(self.parts.items(), key=lambda item: _turn(item[1])):
            part.load_state_dict(saved["parts"][name])
        set_generators(saved["generators"])
        progress: Numbers = saved["progress"]
        return progress

    def _check_all(self, saved: Mapping[str, Any]) -> None:
        """Raise `ValueError` unless all of a file can be loaded; the generators go on as they were."""
        before = generators()
        try:
            for name, part in self.parts.items():
                self._check(name, part, saved)
            set_generators(saved["generators"])
            if not isinstance(saved["progress"], Numbers):
                raise TypeError(f"a progress of the type {type(saved['progress']).__name__}")
        except (TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError) as error:
            raise ValueError(f"{self.path} is torn, or no checkpoint: {type(error).__name__}: {error}") from None
        finally:
            set_generators(before)

    def _check_folder(self) -> None:
        if not (folder := self.path.parent).is_dir():
            raise FileNotFoundError(f"Checkpoint: {self.path} has no folder to be in: make {folder} first")

    def _clear(self) -> None:
        """Remove what processes that died while they saved have left."""
        for beside in self.path.absolute().parent.glob(f".{self.path.name}.*.partial"):
            process = beside.name.split(".")[-2]
            if process.isdigit() and not _is_alive(int(process)):
                beside.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            raise ValueError(f"{self.path} is no checkpoint: it is not a regular file")
        with self.path.open("rb") as file:
            try:
                saved = torch.load(file, map_location="cpu", weights_only=True)
            except Exception as error:  # of many kinds, whatever is missing
                reason = (str(error).splitlines() or ["it is empty"])[0]
                raise ValueError(f"{self.path} is torn, or no checkpoint: {reason}") from None
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            raise ValueError(f"{self.path} is no checkpoint of this kind")
        return saved

    def _check(self, name: str, part: Any, saved: Mapping[str, Any]) -> None:
        if name not in saved["parts"]:
            raise ValueError(f"{self.path} has no {name}; it has {', '.join(saved['parts']) or 'nothing'}")
        kind, held = type(part).__name__, saved["kinds"][name]
        if kind != held:
            raise ValueError(f"{self.path} holds a {held} as {name}, and this is a {kind}")
        state = saved["parts"][name]
        if isinstance(part, Optimizer):
            sizes, own = ([len(g["params"]) for g in groups] for groups in (state["param_groups"], part.param_groups))
            if sizes != own:
                raise ValueError(f"{self.path}: {name} had groups of {sizes} parameters, and has groups of {own}")
            self._check_moments(name, state, [p for group in part.param_groups for p in group["params"]])
        elif isinstance(part, nn.Module) and type(part).load_state_dict is nn.Module.load_state_dict:
            _check_shapes(f"{self.path}: {name}", _shapes(state), _shapes(part.state_dict()))

    def _check_moments(self, name: str, state: Mapping[str, Any], parameters: list[Tensor]) -> None:
        """Refuse a rule's state whose moments have the shapes of other parameters."""
        for index, parameter in enumerate(parameters):
            for key, value in state["state"].get(index, {}).items():
                if key in MOMENTS and isinstance(value, Tensor) and value.shape != parameter.shape:
                    shapes = f"has the shape {tuple(value.shape)}, and the parameter {tuple(parameter.shape)}"
                    raise ValueError(f"{self.path}: {name} is of another model: {key} of parameter {index} {shapes}")


def _turn(part: Any) -> int:
    """First those that only they themselves can refuse; last a schedule, which sets the rates of its optimizer."""
    return 2 if isinstance(part, Scheduler) else int(isinstance(part, nn.Module | Optimizer))


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items() if isinstance(value, Tensor)}


def _check_shapes(which: str, saved: Mapping[str, tuple[int, ...]], own: Mapping[str, tuple[int, ...]]) -> None:
    for name in own.keys() | saved.keys():
        if name not in saved or name not in own:
            raise ValueError(f"{which} is another model: {name} is {'new' if name in own else 'gone'}")
        if own[name] != saved[name]:
            raise ValueError(f"{which} is another model: {name} had the shape {saved[name]}, and has {own[name]}")


def _plain(value: Any) -> Any:
    """Return a state with NumPy's numbers as Python's: a file with others loads only where it is trusted."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return {name: _plain(part) for name, part in value.items()} if isinstance(value, dict) else value


def _loadable(name: str, value: Any) -> Any:
    """Return a state, if `torch.load` will take all of it from a file that it does not trust. Raises `TypeError`."""
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    else:
        parts = [*value] if isinstance(value, list | tuple) else []
    for part in parts:
        _loadable(name, part)
    if not isinstance(value, (*LOADABLE, dict, list, tuple)) and type(value) not in get_safe_globals():
        raise TypeError(
            f"Checkpoint: {name} holds a {type(value).__name__}, which could not be loaded again: {value!r}"
        )
    return value


def generators() -> dict[str, Any]:
    """Return the states of torch's, NumPy's and Python's generators, as plain values."""
    state: Any = np.random.get_state()
    name, keys, *rest = state
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": [name, keys.tolist(), *rest],
        "python": random.getstate(),
    }


def set_generators(states: Mapping[str, Any]) -> None:
    """Set the generators to saved states; GPUs only where there are as many."""
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    random.setstate(states["python"])


def _wait_for_disk(path: Path) -> None:
    """Wait until the disk holds a file, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _no_checksums() -> Iterator[None]:
    """Leave out the checksums, which `torch.load` never reads: they take a quarter of the time."""
    known = get_crc32_options()
    set_crc32_options(False)
    try:
        yield
    finally:
        set_crc32_options(known)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
