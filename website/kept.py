"""Measurements that the site shows, kept by the text they depend on, so that only what changed is measured again."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".cache" / "site"


def kept(name: str, sources: Iterable[str], measure: Callable[[], Any]) -> Any:
    """Return a measurement as JSON data, from the cache if `sources` are the same texts as before.

    name: the name of its file in the cache. measure: called if it is not in the cache.
    """
    digest = hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]
    file = FOLDER / f"{name}.{digest}.json"
    if not file.is_file():
        result = measure()
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def source_of(*paths: Path) -> list[str]:
    """Return the texts of files, and of all Python files in folders."""
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return [file.read_text(encoding="utf-8") for file in files]
