"""Redirect an examined script's temporary and cache files into the scratch copy.

Earlier downloads stay readable: each cache is replaced by a folder of links to its entries. A link is replaced by a
copy when the script writes to it.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from descend.doctor.sandbox.scratch import Scratch

# Environment variables that name the folders of download caches. A user may have moved these caches from ~/.cache.
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
# Environment variables for compilers' caches, and the name of each cache's folder. Several runs may share these
# caches, because they contain no user data.
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
    """Create a run's folders for temporary files and caches; return environment variables that name these folders."""
    home = Path.home()
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    plots = [Path(environment["MPLCONFIGDIR"])] if environment.get("MPLCONFIGDIR") else []
    plots = plots or [settings / "matplotlib", cache / "matplotlib"]
    variables = dict.fromkeys(TEMPORARY, str(scratch.top / "tmp"))
    variables["XDG_CACHE_HOME"] = _make_folder_of_links(scratch, "cache", [cache])
    variables["MPLCONFIGDIR"] = _make_folder_of_links(scratch, "matplotlib", plots)
    for name in DOWNLOADS:
        if os.path.isabs(environment.get(name, "")):
            variables[name] = _make_folder_of_links(scratch, name.lower(), [Path(environment[name])])
    for name, folder in COMPILED.items():
        (scratch.compiled / folder).mkdir(exist_ok=True)
        variables[name] = str(scratch.compiled / folder)
    return variables


def _make_folder_of_links(scratch: Scratch, name: str, originals: Iterable[Path]) -> str:
    """Make a folder in the scratch copy with links to all entries of the original caches, and return its path."""
    folder = scratch.top / name
    folder.mkdir()
    for original in originals:
        try:
            entries = list(os.scandir(original))
        except OSError:
            continue  # the cache does not exist or is not readable
        for entry in entries:
            link = folder / entry.name
            if not os.path.lexists(link):
                link.symlink_to(entry.path)
    return str(folder)
