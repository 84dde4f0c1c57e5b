"""Trainings that write checkpoints, logs and caches outside their working directory run to their end, at any level."""

import os
import tempfile
from pathlib import Path

import pytest
from sampling import sampled

from .world import LEVELS, consulted, skip_unless_reached

TRAINING = """
    import shutil, torch
    from safetensors.torch import load_file, save_file
    from torch.utils.tensorboard import SummaryWriter
    runs, cache = Path.home() / {name!r} / "runs", Path("/tmp", {name!r})
    if runs.exists():
        shutil.rmtree(runs)
    os.makedirs(runs / "checkpoints")
    cache.mkdir(exist_ok=True)
    model = torch.nn.Linear(2, 1)
    with SummaryWriter(runs / "board") as board:
        for step in range(3):
            board.add_scalar("loss", 1 / (step + 1), step)
            torch.save(model.state_dict(), cache / "last.tmp")
            os.replace(cache / "last.tmp", cache / "last.pt")
            save_file(model.state_dict(), runs / "checkpoints" / f"{{step}}.safetensors")
    attempt("files", lambda: (sorted(os.listdir(runs)), len(list(runs.rglob("*.safetensors"))), os.listdir(cache)))
    attempt("board", lambda: [p.name.startswith("events") for p in (runs / "board").iterdir()])
    attempt("torch", lambda: torch.load(cache / "last.pt")["weight"].equal(model.weight))
    attempt("safetensors", lambda: load_file(runs / "checkpoints/2.safetensors")["weight"].equal(model.weight))
    attempt("trackers", lambda: [os.environ[name] for name in ("WANDB_MODE", "NEPTUNE_MODE", "CLEARML_OFFLINE_MODE")])
    attempt("served locally", lambda: os.environ["MLFLOW_TRACKING_URI"].startswith("file:///"))
    attempt("network", lambda: __import__("socket").create_connection(("192.0.2.1", 443), timeout=1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "landlock"))
def test_a_training_that_writes_outside_its_folder_runs_to_its_end(tmp_path, level):
    skip_unless_reached(level)
    name = f".descend-writes-{os.getpid()}"
    record, said = consulted(tmp_path, level, TRAINING.format(name=name))
    assert said["files"] == "(['board', 'checkpoints'], 3, ['last.pt'])", said
    assert said["board"] == "[True]" and said["torch"] == said["safetensors"] == "True", said
    assert said["trackers"] == "['disabled', 'offline', '1']" and said["served locally"] == "True", said
    assert said["network"].startswith("descend: refused to connect"), said
    assert [effect.kind for effect in record.effects if effect.refused] == ["connection"], record.effects
    assert str(Path.home() / name / "runs/checkpoints") in [e.target for e in record.effects if e.redirected]
    assert not (Path.home() / name).exists() and not Path("/tmp", name).exists()


@pytest.mark.slow
def test_libraries_in_c_and_programs_see_the_private_layer(tmp_path):
    skip_unless_reached("namespaces")
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix=".descend-writes-") as folder:
        Path(folder, "data.txt").write_text("original")
        attack = f"""
            import sqlite3, subprocess
            folder = {folder!r}
            base = sqlite3.connect(f"{{folder}}/runs.db")
            base.executescript("create table t (x); insert into t values (7)")
            base.close()
            attempt("database", lambda: sqlite3.connect(f"{{folder}}/runs.db").execute("select x from t").fetchone())
            attempt("native", native("unlink", f"{{folder}}/data.txt".encode()))
            listed = lambda: subprocess.run(["ls", folder], capture_output=True, text=True).stdout
            attempt("program", listed)
            attempt("python", lambda: os.listdir(folder))
        """
        _, said = consulted(tmp_path, "namespaces", attack)
        assert said == {"database": "(7,)", "native": "0", "program": r"'runs.db\n'", "python": "['runs.db']"}
        assert os.listdir(folder) == ["data.txt"]
