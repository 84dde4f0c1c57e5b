"""Atomic checkpoints, from which training continues bit for bit."""

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
# Names, in torch's optimizer states, of tensors that have the parameter's shape, such as Adam's moments.
MOMENTS = frozenset({"exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg", "sum", "exp_inf"})
LOADABLE = (Tensor, torch.Size, torch.dtype, torch.device, int, float, complex, str, bytes, bool, type(None), set)
Numbers = int | float | str | bool | None


class Checkpoint:
    """A checkpoint file with the states of the model, the optimizer, further parts and the random number generators.

    The states of torch's, NumPy's and Python's generators are added. The file is written under another name and then
    renamed, so a process that is killed meanwhile leaves the previous checkpoint.

    Parameters
    ----------
    path : str or pathlib.Path
        The checkpoint file.
    durable : bool
        Whether `save` waits for the disk, so that a power failure leaves the old or the new file.
    **parts
        The objects to save, each with `state_dict` and `load_state_dict`. A part is saved under its keyword.

    Raises
    ------
    TypeError
        If a part has no `state_dict` or no `load_state_dict`.

    Examples
    --------
    >>> checkpoint = Checkpoint(path, model=model, optimizer=optimizer)
    >>> first = checkpoint.resume() or 0
    >>> for step in range(first, 10):
    ...     checkpoint.save(step + 1)
    """

    def __init__(self, path: Path | str, *, durable: bool = False, **parts: Any) -> None:
        for name, part in parts.items():
            if not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
                raise TypeError(f"Checkpoint: {name} is a {type(part).__name__}, which has no state_dict to save")
        self.path, self.durable, self.parts = Path(path), durable, parts

    def save(self, progress: Numbers = None) -> None:
        """Write the states of all parts, and `progress` (such as the next step or epoch), to the checkpoint file.

        Raises `OSError` if writing fails and `TypeError` for a state that could not be loaded again. The previous file
        is then unchanged.
        """
        self._require_folder()
        saved = {
            "format": FORMAT,
            "progress": _require_loadable("progress", _without_numpy_scalars(progress)),
            "kinds": {name: type(part).__name__ for name, part in self.parts.items()},
            "parts": {
                name: _require_loadable(name, _without_numpy_scalars(part.state_dict()))
                for name, part in self.parts.items()
            },
            "generators": get_random_states(),
        }
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            with _omit_checksums():
                torch.save(saved, partial)
            if self.durable:
                _wait_for_disk(partial)
            partial.replace(self.path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        if self.durable:
            _wait_for_disk(self.path.absolute().parent)

    def resume(self) -> Numbers:
        """Load the saved state of every part and return the saved progress, or None if there is no file yet.

        Raises `ValueError`, before anything is loaded, if the file is damaged or does not fit the given parts.
        Raises `FileNotFoundError` if the folder is missing.
        """
        self._require_folder()
        self._delete_partial_files()
        if not self.path.exists():
            return None
        saved = self._read_file()
        self._check_saved_states(saved)
        for name, part in sorted(self.parts.items(), key=lambda item: _loading_priority(item[1])):
            part.load_state_dict(saved["parts"][name])
        set_random_states(saved["generators"])
        progress: Numbers = saved["progress"]
        return progress

    def _check_saved_states(self, saved: Mapping[str, Any]) -> None:
        """Raise `ValueError` unless all states in `saved` can be loaded. The random number generators do not change."""
        before = get_random_states()
        try:
            for name, part in self.parts.items():
                self._check_part(name, part, saved)
            set_random_states(saved["generators"])
            if not isinstance(saved["progress"], Numbers):
                raise TypeError(f"a progress of type {type(saved['progress']).__name__}")
        except (TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError) as error:
            raise ValueError(f"{self.path} is damaged or not a checkpoint: {type(error).__name__}: {error}") from None
        finally:
            set_random_states(before)

    def _require_folder(self) -> None:
        """Raise `FileNotFoundError` if the folder of the checkpoint file does not exist."""
        if not (folder := self.path.parent).is_dir():
            raise FileNotFoundError(f"Checkpoint: the folder {folder} of {self.path} does not exist")

    def _delete_partial_files(self) -> None:
        """Delete the partial files of processes that were killed while they saved a checkpoint."""
        for partial in self.path.absolute().parent.glob(f".{self.path.name}.*.partial"):
            process = partial.name.split(".")[-2]
            if process.isdigit() and not _is_alive(int(process)):
                partial.unlink(missing_ok=True)

    def _read_file(self) -> dict[str, Any]:
        """Return the content of the checkpoint file. Raises `ValueError` if the file is damaged or not a checkpoint."""
        if not self.path.is_file():
            raise ValueError(f"{self.path} is not a checkpoint: it is not a regular file")
        with self.path.open("rb") as file:
            try:
                saved = torch.load(file, map_location="cpu", weights_only=True)
            except Exception as error:  # torch raises errors of many types for a damaged file
                reason = (str(error).splitlines() or ["the file is empty"])[0]
                raise ValueError(f"{self.path} is damaged or not a checkpoint: {reason}") from None
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            raise ValueError(f"{self.path} is not a checkpoint in the format of this version")
        return saved

    def _check_part(self, name: str, part: Any, saved: Mapping[str, Any]) -> None:
        """Raise `ValueError` if the saved state of one part does not fit the object that will load it."""
        if name not in saved["parts"]:
            others = ", ".join(saved["parts"]) or "the random number generators"
            raise ValueError(f"{self.path} contains no state for {name}, only for {others}")
        kind, held = type(part).__name__, saved["kinds"][name]
        if kind != held:
            raise ValueError(f"in {self.path}, {name} is a {held}, but the object that should load it is a {kind}")
        state = saved["parts"][name]
        if isinstance(part, Optimizer):
            sizes, own = ([len(g["params"]) for g in groups] for groups in (state["param_groups"], part.param_groups))
            if sizes != own:
                raise ValueError(
                    f"{self.path}: {name} has groups of {own} parameters, but groups of {sizes} in the file"
                )
            self._check_moments(name, state, [p for group in part.param_groups for p in group["params"]])
        elif isinstance(part, nn.Module) and type(part).load_state_dict is nn.Module.load_state_dict:
            _check_shapes(f"{self.path}: {name}", _tensor_shapes(state), _tensor_shapes(part.state_dict()))

    def _check_moments(self, name: str, state: Mapping[str, Any], parameters: list[Tensor]) -> None:
        """Raise `ValueError` if a tensor in a saved optimizer state does not have the shape of its parameter."""
        for index, parameter in enumerate(parameters):
            for key, value in state["state"].get(index, {}).items():
                if key in MOMENTS and isinstance(value, Tensor) and value.shape != parameter.shape:
                    raise ValueError(
                        f"{self.path}: {name} was saved with a different model: {key} of parameter {index} has shape "
                        f"{tuple(value.shape)}, but the parameter has shape {tuple(parameter.shape)}"
                    )


def _loading_priority(part: Any) -> int:
    """Return a part's sort key for loading. A `Scheduler` is last: its learning rates replace the optimizer's."""
    return 2 if isinstance(part, Scheduler) else int(isinstance(part, nn.Module | Optimizer))


def _tensor_shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor in a state dict, by the tensor's name."""
    return {name: tuple(value.shape) for name, value in state.items() if isinstance(value, Tensor)}


def _check_shapes(which: str, saved: Mapping[str, tuple[int, ...]], own: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` if the saved tensors and the model's own tensors differ in a name or a shape."""
    for name in {**own, **saved}:  # a dict, so that the message names the model's first tensor that differs
        if name not in saved or name not in own:
            where = "not in the file" if name in own else "only in the file"
            raise ValueError(f"{which} was saved from a different model: {name} is {where}")
        if own[name] != saved[name]:
            shapes = f"{name} has shape {own[name]} in the model, but shape {saved[name]} in the file"
            raise ValueError(f"{which} was saved from a different model: {shapes}")


def _without_numpy_scalars(value: Any) -> Any:
    """Return a state with its NumPy scalars replaced by Python numbers, because `torch.load` rejects NumPy scalars."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_without_numpy_scalars, value))
    return {name: _without_numpy_scalars(part) for name, part in value.items()} if isinstance(value, dict) else value


def _require_loadable(name: str, value: Any) -> Any:
    """Return the value unchanged. Raises `TypeError` if `torch.load` with weights_only=True would reject it."""
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    else:
        parts = [*value] if isinstance(value, list | tuple) else []
    for part in parts:
        _require_loadable(name, part)
    if not isinstance(value, (*LOADABLE, dict, list, tuple)) and type(value) not in get_safe_globals():
        raise TypeError(f"Checkpoint: {name} contains a {type(value).__name__} that cannot be loaded again: {value!r}")
    return value


def get_random_states() -> dict[str, Any]:
    """Return the states of torch's, NumPy's and Python's random number generators, in a form that can be saved."""
    state: Any = np.random.get_state()
    name, keys, *rest = state
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": [name, keys.tolist(), *rest],
        "python": random.getstate(),
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Set the random number generators to saved states; those of GPUs only if the number of GPUs is equal."""
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    random.setstate(states["python"])


def _wait_for_disk(path: Path) -> None:
    """Wait until the disk has stored the data of a file, or the file names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _omit_checksums() -> Iterator[None]:
    """Make `torch.save` omit checksums. They take a quarter of its time, and `torch.load` does not read them."""
    known = get_crc32_options()
    set_crc32_options(False)
    try:
        yield
    finally:
        set_crc32_options(known)


def _is_alive(process: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
