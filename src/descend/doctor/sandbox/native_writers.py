"""Writers in C++ and Rust that open files by themselves, unseen by Python's audit hooks.

Each is made to ask first. Those that are not listed here are stopped by the kernel (`landlock`).
"""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Prepare = Callable[[str, bool], None]  # (path, whether its contents are kept); raises to refuse


@dataclass(frozen=True)
class _Writer:
    """A function that writes the file it is given."""

    owner: str  # where it lives inside its module: "" or a class
    name: str
    position: int  # of the path among its arguments, `self` counted
    keyword: str
    appends: bool = False  # whether what the file holds stays
    only_with: tuple[int, str] | None = None  # position and name of the argument without which it only reads


# A tensor of a file that is changed with it, where they share it.
_SHARED_TENSOR = _Writer("", "from_file", 0, "filename", appends=True, only_with=(1, "shared"))
_TORCH = {
    "torch": (_Writer("", "save", 1, "f"), _SHARED_TENSOR),
    "torch.storage": (replace(_SHARED_TENSOR, owner="UntypedStorage"),),
    "torch.serialization": (_Writer("", "save", 1, "f"),),
    "torch.jit": (_Writer("", "save", 1, "f"),),
    "torch.jit._script": (_Writer("RecursiveScriptModule", "save", 1, "f"),),
    "torch._C": (
        _Writer("PyTorchFileWriter", "__init__", 1, "file_name"),
        _Writer("ScriptFunction", "save", 1, "filename"),
        _Writer("ScriptModule", "save", 1, "filename"),
    ),
    "torch._C._autograd": (_Writer("_ProfilerResult", "save", 1, "arg0"),),
    "torch._C._distributed_c10d": (_Writer("FileStore", "__init__", 1, "file_name", appends=True),),
}

_LATER = {  # imported by the script, if at all
    "safetensors": (_Writer("", "serialize_file", 1, "filename"),),
    "h5py._hl.files": (_Writer("File", "__init__", 1, "name"),),
    "readline": (
        _Writer("", "write_history_file", 0, "filename"),
        _Writer("", "append_history_file", 1, "filename", appends=True),
    ),
}
_MODE = 2  # the position of h5py.File's `mode`


def wrap_native_writers(torch: ModuleType, prepare: Prepare) -> Callable[[], None]:
    """Let torch's own writers, and those of safetensors and h5py, call `prepare` first. Returns the undo."""
    undo: list[Callable[[], None]] = []
    for name in _TORCH:
        module = torch if name == torch.__name__ else sys.modules.get(name)
        if module is not None:
            _wrap(module, _TORCH[name], prepare, undo)
    finder = _Later(prepare, undo)
    for name in _LATER:
        if name in sys.modules:
            _wrap(sys.modules[name], _LATER[name], prepare, undo)
    sys.meta_path.insert(0, finder)

    def restore() -> None:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        while undo:
            undo.pop()()

    return restore


class _Later(MetaPathFinder):
    """Wraps the writers of a module as soon as it has been imported."""

    def __init__(self, prepare: Prepare, undo: list[Callable[[], None]]) -> None:
        self._prepare = prepare
        self._undo = undo

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _LATER:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            setattr(spec.loader, "exec_module", self._then_wrap(spec.loader.exec_module))  # noqa: B010
        return spec

    def _then_wrap(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def execute_and_wrap(module: ModuleType) -> None:
            execute(module)
            _wrap(module, _LATER[module.__name__], self._prepare, self._undo)

        return execute_and_wrap


def _wrap(module: ModuleType, writers: Sequence[_Writer], prepare: Prepare, undo: list[Callable[[], None]]) -> None:
    for writer in writers:
        owner = getattr(module, writer.owner, None) if writer.owner else module
        original = getattr(owner, writer.name, None)
        if original is not None:
            setattr(owner, writer.name, _asking(original, writer, prepare))
            undo.append(functools.partial(setattr, owner, writer.name, original))


def _asking(original: Callable[..., Any], writer: _Writer, prepare: Prepare) -> Callable[..., Any]:
    @functools.wraps(original)
    def ask_and_write(*arguments: Any, **named: Any) -> Any:
        path = named.get(writer.keyword)
        if path is None and len(arguments) > writer.position:
            path = arguments[writer.position]
        if isinstance(path, str | bytes | os.PathLike):
            mode = "w" if writer.owner != "File" else _mode(arguments, named)
            if mode != "r" and _writes(writer, arguments, named):
                prepare(os.fsdecode(path), writer.appends or mode != "w")
        return original(*arguments, **named)

    return ask_and_write


def _writes(writer: _Writer, arguments: Sequence[Any], named: dict[str, Any]) -> bool:
    if writer.only_with is None:
        return True
    position, keyword = writer.only_with
    return bool(named.get(keyword, arguments[position] if len(arguments) > position else None))


def _mode(arguments: Sequence[Any], named: dict[str, Any]) -> str:
    given = named.get("mode", arguments[_MODE] if len(arguments) > _MODE else "r")
    return str(given or "a")
