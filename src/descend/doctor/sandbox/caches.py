"""Where a script's temporary and cache files go while it is examined: into the scratch copy.

What was downloaded before stays readable: a cache is stood in for by a folder of links to its entries, each
of which becomes real when it is written.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from descend.doctor.sandbox.scratch import Scratch

# Caches of downloads that a user may have moved from ~/.cache.
DOWNLOADS = (
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_DATASETS_CACHE",
    "TRANSFORMERS_CACHE",
    "SENTENCE_TRANSFORMERS_HOME",
    "TORCH_HOME",
    "KERAS_HOME",
    "KAGGLEHUB_CACHE",
)
# What compilers keep: nothing of the user's is in it, and the runs of one case may share it.
COMPILED = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "TORCH_EXTENSIONS_DIR": "extensions",
    "CUDA_CACHE_PATH": "cuda",
    "NUMBA_CACHE_DIR": "numba",
    "DESCEND_KERNELS_DIR": "kernels",
    "CUPY_CACHE_DIR": "cupy",
}
TEMPORARY = ("TMPDIR", "TEMP", "TMP")


def redirect_caches(scratch: Scratch, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that lead temporary and cache files into the scratch copy; make their folders."""
    home = Path.home()
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    plots = [Path(environment["MPLCONFIGDIR"])] if environment.get("MPLCONFIGDIR") else []
    plots = plots or [settings / "matplotlib", cache / "matplotlib"]
    variables = dict.fromkeys(TEMPORARY, str(scratch.top / "tmp"))
    variables["XDG_CACHE_HOME"] = _stand_in(scratch, "cache", [cache])
    variables["MPLCONFIGDIR"] = _stand_in(scratch, "matplotlib", plots)
    for name in DOWNLOADS:
        if os.path.isabs(environment.get(name, "")):
            variables[name] = _stand_in(scratch, name.lower(), [Path(environment[name])])
    for name, folder in COMPILED.items():
        (scratch.compiled / folder).mkdir(exist_ok=True)
        variables[name] = str(scratch.compiled / folder)
    return variables


def _stand_in(scratch: Scratch, name: str, originals: Iterable[Path]) -> str:
    folder = scratch.top / name
    folder.mkdir()
    for original in originals:
        try:
            entries = list(os.scandir(original))
        except OSError:
            continue  # not there, or not readable for the script either
        for entry in entries:
            link = folder / entry.name
            if not os.path.lexists(link):
                link.symlink_to(entry.path)
    return str(folder)
