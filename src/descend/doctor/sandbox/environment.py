"""Make the environment variables of an examined script: threads, no experiment trackers, no writes at home."""

import os
import platform
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from descend.doctor.sandbox.caches import redirect_caches
from descend.doctor.sandbox.scratch import Scratch

# Each library reads its own variable. Runs are only comparable if they use the same number of threads.
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
# Variables that switch off experiment trackers or, if that is impossible, make them store runs locally. Sources:
# Weights & Biases: https://docs.wandb.ai/support/difference_wandbinit_modes
# Comet: https://comet.com/docs/v2/api-and-sdk/python-sdk/advanced/running-offline
# Neptune: https://docs.neptune.ai/environment_variables and https://docs.neptune.ai/api/environment_variables/
# ClearML: https://clear.ml/docs/latest/docs/configs/env_vars
# MLflow: https://www.mlflow.org/docs/latest/tracking.html
TRACKERS = {
    "WANDB_MODE": "disabled",
    "WANDB_SILENT": "true",
    "COMET_MODE": "DISABLED",  # transformers and ultralytics read this variable
    "COMET_START_ONLINE": "false",
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "NEPTUNE_MODE": "offline",  # the only mode that both of Neptune's clients support
    "CLEARML_OFFLINE_MODE": "1",
    "TRAINS_OFFLINE_MODE": "1",
    "SWANLAB_MODE": "disabled",
    "POLYAXON_NO_OP": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
# Variables that name the folders to which experiment trackers write their runs.
TRACKER_FOLDERS = {
    "WANDB_DIR": "wandb",
    "COMET_OFFLINE_DIRECTORY": "comet",
    "CLEARML_CACHE_DIR": "clearml",
    "TRACKIO_DIR": "trackio",
    "NEPTUNE_LOG_DIRECTORY": "neptune",
}
# With these settings, libraries read their caches at once, instead of after many seconds of failed connections.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
PYTHON = {
    "PYTHONHASHSEED": "0",  # With a fixed seed, sets have the same order in every trial.
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",  # With this backend, plt.show() opens no window and returns at once.
    "GIT_OPTIONAL_LOCKS": "0",  # With this setting, `git status` does not write to the index.
}
# Variables whose paths are not redirected into the scratch copy, because most of them name folders of programs.
NOT_REDIRECTED = frozenset({"HOME", "OLDPWD", "PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME"})

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
    """Return the environment variables for a script that runs in a scratch copy.

    Paths below the working directory are redirected into the copy in every variable: `PYTHONPATH`, `OUTPUT_DIR`.
    With `allow_effects` the script may use the network.
    """
    environment = {name: _redirect_paths(name, value, scratch) for name, value in os.environ.items()}
    environment.update(dict.fromkeys(THREADS, str(threads)))
    environment.update(TRACKERS)
    environment.update(PYTHON)
    if not allow_effects:
        environment.update(OFFLINE)
    for name, folder in TRACKER_FOLDERS.items():
        environment[name] = str(_create_folder(scratch.top / "trackers" / folder))
    # MLflow creates its default experiment only together with this folder.
    environment["MLFLOW_TRACKING_URI"] = (scratch.top / "trackers" / "mlflow").as_uri()
    environment["PWD"] = str(scratch.root)
    environment.update(redirect_caches(scratch, os.environ))
    return environment


def describe_environment() -> dict[str, str]:
    """Return a dict with the versions of Python and packages, the platform, and the number of CPUs."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": str(len(os.sched_getaffinity(0))),
        **_package_versions(),
    }


@cache
def _package_versions() -> dict[str, str]:
    """Return the versions of the installed packages. Reading them takes longer than a short run of a fork."""
    found = dict[str, str]()
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _redirect_paths(name: str, value: str, scratch: Scratch) -> str:
    """Return the value of an environment variable after its paths are redirected into the scratch copy."""
    if name in NOT_REDIRECTED or "/" not in value:
        return value
    return ":".join(_redirect_path(part, scratch) for part in value.split(":"))


def _redirect_path(value: str, scratch: Scratch) -> str:
    """Return the path in the scratch copy for a path in the working directory; return any other text unchanged."""
    root = str(scratch.original_path(scratch.root))
    inside = root != "/" and (value == root or value.startswith(root + "/"))
    return str(scratch.path_in_copy(Path(value))) if inside else value


def _create_folder(folder: Path) -> Path:
    """Create a folder and its parents if they are missing; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
