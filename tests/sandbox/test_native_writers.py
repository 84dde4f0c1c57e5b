"""Functions in C that write files: known ones are checked, and the kernel refuses the others."""

import textwrap

import pytest

from .sandbox import both, examine, make_world, needs_landlock


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


NATIVE = """
    libc = ctypes.CDLL(None)
    def native(path):
        descriptor = libc.open(os.fsencode(path), os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644)
        if descriptor < 0:
            raise PermissionError("the kernel refused")
        os.close(descriptor)
    attempt("outside", lambda: native(PRECIOUS / "model.pt"))
    attempt("linked", lambda: native("model.pt"))
    attempt("new", lambda: native("new.pt"))
    attempt("linked folder", lambda: native("../shared/new.txt"))
"""


@pytest.mark.slow
@needs_landlock
def test_only_the_kernel_restricts_an_unknown_native_writer(world):
    """Without Landlock nothing would hold it: that is what the known writers are wrapped for."""
    outcome = examine(world, NATIVE, landlock=True)
    assert outcome.said == {
        "outside": "the kernel refused",
        "linked": "the kernel refused",
        "linked folder": "the kernel refused",
        "new": "done",
    }


TORCH = """
    import torch
    model = torch.nn.Linear(2, 1)
    for epoch in range(2):
        torch.save(model.state_dict(), "model.pt")
    assert torch.load("model.pt")["weight"].equal(model.weight)
    attempt("saved", lambda: torch.save(obj=model.state_dict(), f=Path("runs/old/result.json")))
    attempt("next to it", lambda: torch.save(model.state_dict(), "../shared/vocabulary.txt"))
    attempt("scripted", lambda: torch.jit.save(torch.jit.script(model), "log.txt"))
    attempt("method", lambda: torch.jit.script(model).save("data/table.npy"))
    attempt("stream", lambda: torch.save(model.state_dict(), open("stream.pt", "wb")))
    attempt("outside", lambda: torch.save(model.state_dict(), PRECIOUS / "model.pt"))
    attempt("outside scripted", lambda: torch.jit.script(model).save(PRECIOUS / "model.pt"))
    attempt("old format", lambda: torch.save(model, PRECIOUS / "old", _use_new_zipfile_serialization=False))
    loader = torch.utils.data.DataLoader(torch.arange(8.0), batch_size=4, num_workers=2)
    attempt("workers", lambda: print("batches:", len(list(loader))))
"""


@pytest.mark.slow
@both
def test_native_writers_of_torch_are_wrapped(world, landlock):
    outcome = examine(world, TORCH, landlock=landlock, torch=True)
    refused = {name for name, became in outcome.said.items() if became.startswith("descend: refused to write")}
    assert refused == {"outside", "outside scripted", "old format"}, outcome.text
    assert outcome.said["batches"] == "2"
    assert {became for name, became in outcome.said.items() if name not in refused} == {"done", "2"}
    assert set(outcome.refused("write")) == {f"{world}/precious/model.pt", f"{world}/precious/old"}


STAND_IN = """
    for name, source in {
        "safetensors/__init__.py": "def serialize_file(tensors, filename, metadata=None):\\n    NATIVE(filename)\\n",
        "h5py/__init__.py": "from h5py._hl.files import File\\n",
        "h5py/_hl/__init__.py": "",
        "h5py/_hl/files.py": "class File:\\n    def __init__(self, name, mode='r', **options):\\n"
        "        if mode != 'r':\\n            NATIVE(name)\\n",
    }.items():
        os.makedirs(os.path.dirname("lib/" + name), exist_ok=True)
        put("lib/" + name, source)
    sys.path.insert(0, "lib")
    import builtins
    builtins.NATIVE = native
    from safetensors import serialize_file
    import h5py
    attempt("tensors", lambda: serialize_file({}, "latest.pt"))
    attempt("tensors outside", lambda: serialize_file({}, filename=PRECIOUS / "model.pt"))
    attempt("append", lambda: h5py.File("log.txt", "a"))
    attempt("read", lambda: h5py.File(PRECIOUS / "model.pt"))
    attempt("outside", lambda: h5py.File(PRECIOUS / "model.pt", mode="w"))
"""


@pytest.mark.slow
@both
def test_other_libraries_native_writers_are_wrapped_when_they_are_imported(world, landlock):
    """Replacements with the libraries' own names and signatures, which open files without the interpreter."""
    source = textwrap.dedent(NATIVE.split("    attempt")[0]) + textwrap.dedent(STAND_IN)
    outcome = examine(world, source, landlock=landlock, torch=True)
    refused = {name for name, became in outcome.said.items() if became.startswith("descend: refused to write")}
    assert refused == {"tensors outside", "outside"}, outcome.text
    assert {became for name, became in outcome.said.items() if name not in refused} == {"done"}
