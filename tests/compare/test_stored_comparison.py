"""Comparisons are kept in the store's folder, whatever happens to the process that makes them."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from real import own_rate
from sampling import sampled
from simulated import METRIC, SimulatedStudy, quadratic, search, sgd

from descend.core.errors import UsageError
from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.comparison_key import comparison_key
from descend.doctor.compare.stored_comparison import FOLDER, open_comparison
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path):
    return SimpleNamespace(folder=tmp_path / ".descend", where=str(tmp_path), failure="")


def journal(store) -> Path:
    [path] = (store.folder / FOLDER).iterdir()
    return path


def filled(store) -> None:
    """Store a short search."""
    with open_comparison(store, "key") as storage:
        search(SimulatedStudy(quadratic(1.0, 0.1)), sgd(), runs=2, storage=storage)


def test_the_runs_of_pairs_are_remembered(store):
    with open_comparison(store, "key") as storage:
        storage.note_run("AdamW, cosine", 3, 17)
        storage.note_run("AdamW, cosine", 4, 18)
        storage.note_run(CURRENT, 3, 16)
    with open_comparison(store, "key") as storage:
        assert storage.runs_of("AdamW, cosine") == {3: 17, 4: 18} and storage.runs_of(CURRENT) == {3: 16}
    with open_comparison(store, "other") as storage:
        assert storage.runs_of(CURRENT) == {}


def test_a_full_disk_ends_neither_the_search_nor_its_results(store):
    with open_comparison(store, "key") as storage:
        storage.note_run(CURRENT, 3, 16)
        size, limits = journal(store).stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))  # Part of the next line can be written.
        try:
            found = search(SimulatedStudy(quadratic(1.0, 0.1)), sgd(), runs=3, storage=storage)
            storage.note_run(CURRENT, 4, 17)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert len(found.tuned[0].tried) >= 3 and storage.runs_of(CURRENT).keys() >= {3, 4}
    assert "cannot be written: File too large" in store.failure
    store.failure = ""
    with open_comparison(store, "key") as storage:
        assert storage.runs_of(CURRENT) == {3: 16}
    assert store.failure == ""


def test_a_new_file_is_private_and_no_lock_file_is_left(store):
    filled(store)
    assert journal(store).name == "key.journal" and journal(store).stat().st_mode & 0o777 == 0o600


def test_an_incomplete_last_line_of_a_killed_process_is_dropped(store):
    filled(store)
    whole = journal(store).read_bytes()
    journal(store).write_bytes(whole + whole.splitlines()[-1][:20])
    with open_comparison(store, "key") as storage:
        storage.note_run(CURRENT, 3, 16)
    with open_comparison(store, "key") as storage:
        assert storage.runs_of(CURRENT)[3] == 16
    assert journal(store).read_bytes().startswith(whole)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "no journal\n" + text,
        lambda text: text.replace('"study_name":', '"name":'),
        lambda text: text.replace('"op_code":4', '"op_code":99'),
        lambda text: text.replace('"cost":', '"costs":'),
        lambda text: text.replace('"lr":', '"momentum":'),
        lambda text: text.replace('"round":', '"rounds":'),
        lambda text: text.replace('"early_cost":', '"early_cost":"x","y":'),
        lambda text: "[1]\n" + text,
    ],
)
def test_a_damaged_file_is_reported_in_one_line_with_the_remedy(store, damage):
    filled(store)
    journal(store).write_text(damage(journal(store).read_text()))
    with pytest.raises(UsageError, match="is damaged: begin the comparison again with --fresh") as refused:
        with open_comparison(store, "key") as storage:
            storage.search_of(sgd(), 0)
    assert "\n" not in str(refused.value)
    with open_comparison(store, "key", fresh=True) as storage:
        assert storage.search_of(sgd(), 0).tried == []


def test_a_link_in_place_of_the_file_is_not_followed(store, tmp_path):
    filled(store)
    target = journal(store).rename(tmp_path / "target")
    (store.folder / FOLDER / "key.journal").symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(UsageError, match="is a link or a special file"):
        with open_comparison(store, "key", fresh=True):
            pass
    assert target.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_reported(store):
    store.folder.mkdir()
    (store.folder / FOLDER).write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        with open_comparison(store, "key"):
            pass


def test_two_processes_do_not_make_the_same_comparison_at_once(store):
    program = (
        "import sys; from pathlib import Path; from types import SimpleNamespace\n"
        "from descend.core.errors import UsageError\n"
        "from descend.doctor.compare.stored_comparison import open_comparison\n"
        "store = SimpleNamespace(folder=Path(sys.argv[1]), failure='')\n"
        "try:\n    open_comparison(store, sys.argv[2]).__enter__()\n"
        "except UsageError as error:\n    print(error)\n"
    )
    with open_comparison(store, "key"):
        for key, printed in (("key", "another process makes the same comparison"), ("other", "")):
            done = subprocess.run(
                [sys.executable, "-c", program, str(store.folder), key], capture_output=True, text=True, check=True
            )
            assert printed in done.stdout and done.stderr == ""
            assert bool(printed) == bool(done.stdout)


def test_secrets_in_reasons_are_not_stored(store):
    def fail(script, values):
        from descend.doctor.remedies import NotApplicable

        raise NotApplicable("password=hunter2hunter2 is refused")

    with open_comparison(store, "key") as storage:
        study = SimulatedStudy(quadratic(1.0, 0.1))
        search(study, replace(sgd(), edit=fail), runs=1, storage=storage)
    assert "is refused" in journal(store).read_text() and "hunter2" not in journal(store).read_text()


def study_for_key(folder: Path, **plan) -> SimpleNamespace:
    script = Script(folder / "train.py", folder, ("--epochs", "3"))
    record = Record(environment={"torch": "2.6", "python": "3.11"})
    context = SimpleNamespace(store=SimpleNamespace(where=str(folder)), external_files=SimpleNamespace(files=()))
    return SimpleNamespace(script=script, plan=Plan(**plan), baseline=record, context=context)


def test_the_key_changes_with_everything_that_changes_results(tmp_path):
    (tmp_path / "train.py").write_text("import model\n")
    (tmp_path / "model.py").write_text("width = 3\n")
    study, choice = study_for_key(tmp_path), own_rate()
    known = comparison_key(study, METRIC, [choice])
    assert known == comparison_key(study_for_key(tmp_path, seeds=9, budget_s=7.0), METRIC, [own_rate()])
    others = [
        comparison_key(study_for_key(tmp_path, seed=1), METRIC, [choice]),
        comparison_key(study_for_key(tmp_path, steps=7), METRIC, [choice]),
        comparison_key(study, replace(METRIC, description="accuracy"), [choice]),
        comparison_key(study, METRIC, [choice, sgd()]),
        comparison_key(study, METRIC, [replace(choice, label="AdamW")]),
        comparison_key(study, METRIC, [replace(choice, dimensions=(replace(choice.dimensions[0], high=99.0),))]),
    ]
    study.script = replace(study.script, arguments=("--epochs", "4"))
    others.append(comparison_key(study, METRIC, [choice]))
    study.script = study_for_key(tmp_path).script
    study.baseline.environment["torch"] = "2.7"
    others.append(comparison_key(study, METRIC, [choice]))
    (tmp_path / "model.py").write_text("width = 4\n")
    others.append(comparison_key(study_for_key(tmp_path), METRIC, [choice]))
    data = tmp_path / "data.csv"
    for text in ("1,2", "1,3"):
        data.write_text(text)
        with_data = study_for_key(tmp_path)
        with_data.context.external_files.files = (str(data), str(tmp_path / "deleted"))
        others.append(comparison_key(with_data, METRIC, [choice]))
    assert len({known, *others}) == 1 + len(others)


PROGRAM = """
import json
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from descend.core.interruption import catch_signals
from descend.doctor.compare.stored_comparison import open_comparison
from descend.doctor.execution.forking import fork_server
from descend.doctor.record.store import open_store
from descend.doctor.script.script import Script
from real import TEXT, search_of, study_of

folder = Path(sys.argv[1])
catch_signals()
with open_store(folder / ".descend") as store, fork_server(Script(folder / "train.py", folder)) as server:
    slow = TEXT.replace("    loss.backward", "    import time; time.sleep(0.01)\\n    loss.backward")
    study = study_of(folder, store, server, slow)
    with open_comparison(store, "key") as storage:
        search = search_of(study, storage, runs=6)
        print("begun", len(search.tuned[0].tried), flush=True)
        search.run()
        print(json.dumps([run.run for run in search.tuned[0].tried]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled([signal.SIGINT, signal.SIGTERM, signal.SIGKILL], signal.SIGKILL))
def test_a_process_that_is_killed_loses_no_finished_run(tmp_path, number):
    (tmp_path / "search.py").write_text(PROGRAM.format(tests=str(HERE)))
    script = tmp_path / "script"
    script.mkdir()
    command = [sys.executable, str(tmp_path / "search.py"), str(script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "begun 0\n"
        path = script / ".descend" / FOLDER / "key.journal"
        deadline = time.monotonic() + 60
        while path.read_text().count('"early_cost"') < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=30) != 0
    kept = [json.loads(line) for line in path.read_text().splitlines() if '"early_cost"' in line]
    numbers = {next(iter(line["user_attr"].values()))["result"]["run"] for line in kept}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    begun, runs = done.stdout.splitlines()
    assert begun == f"begun {len(kept)}" and len(kept) >= 2
    assert numbers <= set(json.loads(runs)) and len(json.loads(runs)) >= 6


def test_optuna_is_imported_only_for_a_search():
    imported = "import sys, descend.cli, descend.doctor.compare_choices, descend.doctor.compare.search\n"
    code = imported + "print([name for name in sys.modules if name.split('.')[0] in ('optuna', 'torch')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
