"""Check and redirect functions in C++ and Rust, which open files without an audit event.

Each listed function is wrapped to check its path first, and to use the path in the scratch copy if the file is
redirected. Other native writers are stopped by the kernel (`landlock`).
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

# A function that is called with (path, whether the call writes, whether the file's contents are kept). It returns the
# path to use, and may refuse the call by raising an error.
Prepare = Callable[[str, bool, bool], str]


@dataclass(frozen=True)
class _Writer:
    """A function in C, C++ or Rust that writes to the file named by one of its arguments, or reads the file."""

    owner: str  # class that has the function as a method; "" for a function of the module
    name: str
    position: int  # position of the path among the arguments, including `self`
    keyword: str  # name of the argument that is the path
    appends: bool = False  # whether the file's existing contents are kept
    only_with: tuple[int, str] | None = None  # position and name of an argument that must be true for a call to write
    only_reads: bool = False


# This function returns a tensor that shares memory with a file, so changes of the tensor change the file.
_SHARED_TENSOR = _Writer("", "from_file", 0, "filename", appends=True, only_with=(1, "shared"))
_TORCH = {
    "torch": (_Writer("", "save", 1, "f"), _SHARED_TENSOR),
    "torch.storage": (replace(_SHARED_TENSOR, owner="UntypedStorage"),),
    "torch.serialization": (_Writer("", "save", 1, "f"),),
    "torch.jit": (_Writer("", "save", 1, "f"), _Writer("", "load", 0, "f", only_reads=True)),
    "torch.jit._script": (_Writer("RecursiveScriptModule", "save", 1, "f"),),
    "torch._C": (
        _Writer("PyTorchFileWriter", "__init__", 1, "file_name"),
        _Writer("ScriptFunction", "save", 1, "filename"),
        _Writer("ScriptModule", "save", 1, "filename"),
    ),
    "torch._C._autograd": (_Writer("_ProfilerResult", "save", 1, "arg0"),),
    "torch._C._distributed_c10d": (_Writer("FileStore", "__init__", 1, "file_name", appends=True),),
}

_IMPORTED_LATER = {  # modules that are imported only if the script imports them
    "safetensors": (
        _Writer("", "serialize_file", 1, "filename"),
        _Writer("", "safe_open", 0, "filename", only_reads=True),
    ),
    "h5py._hl.files": (_Writer("File", "__init__", 1, "name"),),
    "readline": (
        _Writer("", "write_history_file", 0, "filename"),
        _Writer("", "append_history_file", 1, "filename", appends=True),
    ),
}
_MODE = 2  # position of the argument `mode` of h5py.File


def wrap_native_writers(torch: ModuleType, prepare: Prepare) -> Callable[[], None]:
    """Make the functions of torch, safetensors and h5py that write files call `prepare` first.

    Return the function that undoes this.
    """
    undo: list[Callable[[], None]] = []
    for name in _TORCH:
        module = torch if name == torch.__name__ else sys.modules.get(name)
        if module is not None:
            _wrap_writers(module, _TORCH[name], prepare, undo)
    finder = _ImportFinder(prepare, undo)
    for name in _IMPORTED_LATER:
        if name in sys.modules:
            _wrap_writers(sys.modules[name], _IMPORTED_LATER[name], prepare, undo)
    sys.meta_path.insert(0, finder)

    def restore() -> None:
        """Restore all wrapped functions, and remove the import finder."""
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        while undo:
            undo.pop()()

    return restore


class _ImportFinder(MetaPathFinder):
    """An import finder that wraps a module's file-writing functions as soon as the module has been imported."""

    def __init__(self, prepare: Prepare, undo: list[Callable[[], None]]) -> None:
        self._prepare = prepare
        self._undo = undo

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module's spec with the other finders, and make its loader wrap the module's file-writing functions."""
        if fullname not in _IMPORTED_LATER:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            setattr(spec.loader, "exec_module", self._wrap_after_import(spec.loader.exec_module))  # noqa: B010
        return spec

    def _wrap_after_import(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        """Return a function that executes a module and then wraps its file-writing functions."""

        def execute_and_wrap(module: ModuleType) -> None:
            """Execute a module, and wrap its file-writing functions."""
            execute(module)
            _wrap_writers(module, _IMPORTED_LATER[module.__name__], self._prepare, self._undo)

        return execute_and_wrap


def _wrap_writers(
    module: ModuleType, writers: Sequence[_Writer], prepare: Prepare, undo: list[Callable[[], None]]
) -> None:
    """Wrap the file-writing functions of a module; append the functions that undo this to `undo`."""
    for writer in writers:
        owner = getattr(module, writer.owner, None) if writer.owner else module
        original = getattr(owner, writer.name, None)
        if original is not None:
            setattr(owner, writer.name, _checked_writer(original, writer, prepare))
            undo.append(functools.partial(setattr, owner, writer.name, original))


def _checked_writer(original: Callable[..., Any], writer: _Writer, prepare: Prepare) -> Callable[..., Any]:
    """Return a wrapper of a listed function that calls `prepare` with the path before each call."""

    @functools.wraps(original)
    def check_and_write(*arguments: Any, **named: Any) -> Any:
        """Call `prepare` with the path; then call the original function with the path that `prepare` returns."""
        given: dict[Any, Any] = {**dict(enumerate(arguments)), **named}
        key = writer.keyword if writer.keyword in named else writer.position
        path = given.get(key)
        if isinstance(path, str | bytes | os.PathLike):
            name, mode = os.fsdecode(path), "w" if writer.owner != "File" else _h5py_mode(arguments, named)
            writes = mode != "r" and _writes_file(writer, arguments, named)
            prepared = prepare(name, writes, writer.appends or mode != "w")
            # The path of another object could be a different one when the original function reads it again.
            if prepared != name or isinstance(path, os.PathLike):
                given[key] = prepared
        return original(*[given[i] for i in range(len(arguments))], **{name: given[name] for name in named})

    return check_and_write


def _writes_file(writer: _Writer, arguments: Sequence[Any], named: dict[str, Any]) -> bool:
    """Return whether a call of a listed function writes to the file, which may depend on one argument."""
    if writer.only_with is None:
        return not writer.only_reads
    position, keyword = writer.only_with
    return bool(named.get(keyword, arguments[position] if len(arguments) > position else None))


def _h5py_mode(arguments: Sequence[Any], named: dict[str, Any]) -> str:
    """Return the mode in which a call of h5py.File opens the file."""
    given = named.get("mode", arguments[_MODE] if len(arguments) > _MODE else "r")
    return str(given or "a")
