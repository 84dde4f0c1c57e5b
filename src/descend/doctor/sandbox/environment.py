"""The environment of an examined script: the doctor's threads, no experiment trackers, no writing at home."""

import os
import platform
from importlib import metadata
from pathlib import Path

from descend.doctor.sandbox.caches import redirect_caches
from descend.doctor.sandbox.scratch import Scratch

# Each library reads its own; a run is only comparable with another at the same number of threads.
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
# Experiment trackers: off where they can be, else local; each by its own variable.
TRACKERS = {
    "WANDB_MODE": "disabled",
    "WANDB_SILENT": "true",
    "COMET_MODE": "DISABLED",  # as read by transformers and ultralytics
    "COMET_START_ONLINE": "false",
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "NEPTUNE_MODE": "offline",  # known to both of its clients; one knows no `disabled`, the other no `debug`
    "CLEARML_OFFLINE_MODE": "1",
    "TRAINS_OFFLINE_MODE": "1",
    "SWANLAB_MODE": "disabled",
    "POLYAXON_NO_OP": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
# Trackers that write their runs to a folder.
TRACKER_FOLDERS = {
    "WANDB_DIR": "wandb",
    "COMET_OFFLINE_DIRECTORY": "comet",
    "CLEARML_CACHE_DIR": "clearml",
    "TRACKIO_DIR": "trackio",
    "NEPTUNE_LOG_DIRECTORY": "neptune",
}
# Without a network the caches of downloads are asked at once, not after many seconds of failed attempts.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
PYTHON = {
    "PYTHONHASHSEED": "0",  # the order of sets is the same in every trial run
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",  # plt.show() neither opens a window nor waits for one to be closed
    "GIT_OPTIONAL_LOCKS": "0",  # `git status` leaves the index alone
}
# Variables that say where programs live: a path in the working directory is meant as it stands.
UNMOVED = frozenset({"HOME", "OLDPWD", "PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME"})

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "torchvision",
    "lightning",
    "pytorch-lightning",
    "transformers",
    "accelerate",
)


def child_environment(threads: int, scratch: Scratch, allow_effects: bool = False) -> dict[str, str]:
    """Return the environment for a script that is examined in a scratch copy.

    Paths below the working directory lead into the copy, in every variable: `PYTHONPATH`, `OUTPUT_DIR`. With
    `allow_effects` the script may use the network.
    """
    environment = {name: _moved(name, value, scratch) for name, value in os.environ.items()}
    environment.update(dict.fromkeys(THREADS, str(threads)))
    environment.update(TRACKERS)
    environment.update(PYTHON)
    if not allow_effects:
        environment.update(OFFLINE)
    for name, folder in TRACKER_FOLDERS.items():
        environment[name] = str(_made(scratch.top / "trackers" / folder))
    environment["MLFLOW_TRACKING_URI"] = _made(scratch.top / "trackers" / "mlflow").as_uri()
    environment["PWD"] = str(scratch.root)
    environment.update(redirect_caches(scratch, os.environ))
    return environment


def describe_environment() -> dict[str, str]:
    """Return versions and machine as far as this process knows them; no value of an environment variable."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": str(len(os.sched_getaffinity(0))),
    }
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _moved(name: str, value: str, scratch: Scratch) -> str:
    if name in UNMOVED or "/" not in value:
        return value
    return ":".join(_copy_of(part, scratch) for part in value.split(":"))


def _copy_of(value: str, scratch: Scratch) -> str:
    root = str(scratch.original(scratch.root))
    inside = root != "/" and (value == root or value.startswith(root + "/"))
    return str(scratch.path(Path(value))) if inside else value


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
