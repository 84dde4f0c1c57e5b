"""The scratch copy looks like the working directory and is gone afterwards; the original is never touched."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor.sandbox import scratch as copying
from descend.doctor.sandbox.environment import child_environment, describe_environment
from descend.doctor.sandbox.links import Links
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """A working directory with usual files, next to a folder that it reads from."""
    root = tmp_path / "project"
    for folder in ("package", "data/images", ".git/objects", "venv/bin", "package/__pycache__", ".descend"):
        (root / folder).mkdir(parents=True)
    (root / "train.py").write_text("import package\n")
    (root / "package/__init__.py").write_text("rate = 0.5\n")
    (root / "package/__pycache__/__init__.cpython-311.pyc").write_bytes(b"old")
    (root / "package/config.yaml").write_text("lr: 0.5\n")
    (root / "data/images/1.png").write_bytes(b"pixels")
    (root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (root / "venv/bin/activate").write_text("")
    (root / "model.pt").write_bytes(b"weights")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/vocabulary.txt").write_text("a b c\n")
    return root


def script(root: Path, name: str = "train.py", **edits: str) -> Script:
    return Script(root / name, root, edits={root / file: text for file, text in edits.items()})


def test_folders_are_real_python_files_copied_and_other_files_linked(project):
    with scratch_copy(script(project)) as scratch:
        copy = scratch.root
        assert not (copy / "package").is_symlink() and not (copy / "data/images").is_symlink()
        assert not (copy / "train.py").is_symlink() and not (copy / "package/__init__.py").is_symlink()
        assert (copy / "package/__init__.py").read_text() == "rate = 0.5\n"
        assert (copy / "model.pt").is_symlink() and (copy / "model.pt").read_bytes() == b"weights"
        assert (copy / "data/images/1.png").is_symlink()
        assert (copy / "package/config.yaml").read_text() == "lr: 0.5\n"


def test_git_folders_and_virtual_environments_are_linked(project):
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / ".git").is_symlink() and (scratch.root / "venv").is_symlink()
        assert (scratch.root / ".git/HEAD").read_text().startswith("ref:")
        assert not (scratch.root / ".descend").exists()
        assert not (scratch.root / "package/__pycache__").exists()


def test_a_virtual_environment_is_recognised_by_its_marker(project):
    (project / "my env/lib").mkdir(parents=True)
    (project / "my env/pyvenv.cfg").write_text("home = /usr/bin\n")
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "my env").is_symlink()


def test_edits_are_made_only_in_the_copy(project):
    edited = script(project, **{"package/__init__.py": "rate = 0.1\n", "package/config.yaml": "lr: 0.1\n"})
    with scratch_copy(edited) as scratch:
        assert (scratch.root / "package/__init__.py").read_text() == "rate = 0.1\n"
        assert (scratch.root / "package/config.yaml").read_text() == "lr: 0.1\n"
    assert (project / "package/__init__.py").read_text() == "rate = 0.5\n"
    assert (project / "package/config.yaml").read_text() == "lr: 0.5\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_edit_keeps_the_encoding_byte_order_mark_and_line_ends(project, end):
    for encoding, head in (("utf-8-sig", "# é"), ("latin-1", f"# coding: latin-1{end}# é")):
        (project / "train.py").write_bytes(f"{head}{end}lr = 0.5{end}".encode(encoding))
        text = script(project).read(project / "train.py").replace("0.5", "0.1")
        with scratch_copy(script(project, **{"train.py": text})) as scratch:
            expected = f"{head}{end}lr = 0.1{end}".encode(encoding)
            assert (scratch.root / "train.py").read_bytes() == expected


def test_an_edit_that_the_encoding_cannot_represent_is_rejected(project):
    (project / "train.py").write_bytes(b"# coding: latin-1\n")
    with pytest.raises(UsageError, match="which cannot be encoded in iso-8859-1"):
        with scratch_copy(script(project, **{"train.py": "# coding: latin-1\nλ = 1\n"})):
            pass


def test_a_path_and_its_copy_are_mapped_to_each_other(project):
    with scratch_copy(script(project)) as scratch:
        for name in ("train.py", "package/config.yaml", "out/not/there/yet.pt"):
            assert scratch.path_in_copy(project / name) == scratch.root / name
            assert scratch.original_path(scratch.root / name) == project / name
        assert scratch.path_in_copy(project / "package/../train.py") == scratch.root / "train.py"
        assert scratch.path_in_copy(Path("/usr/bin/env")) == Path("/usr/bin/env")
        assert scratch.original_path(Path("/usr/bin/env")) == Path("/usr/bin/env")
        assert scratch.original_path(scratch.root) == project


def test_parent_folders_contain_the_same_entries(project):
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "../shared/vocabulary.txt").read_text() == "a b c\n"
        assert set(os.listdir(scratch.root.parent)) == set(os.listdir(project.parent))


def test_a_script_outside_the_working_directory(project):
    (project.parent / "other").mkdir()
    (project.parent / "other/train.py").write_text("lr = 0.5\n")
    elsewhere = project.parent / "other"
    for path in (elsewhere / "train.py", project / "../other/train.py"):
        started = Script(path, project, edits={path: "lr = 0.1\n"})
        with scratch_copy(started) as scratch:
            copy = scratch.path_in_copy(path)
            assert copy.read_text() == "lr = 0.1\n"
            assert scratch.original_path(copy) == elsewhere / "train.py"
            assert (scratch.root / "../other/train.py").read_text() == "lr = 0.1\n"
    assert (elsewhere / "train.py").read_text() == "lr = 0.5\n"


def test_links_in_the_copy_stay_in_it_and_outside_links_stay_links(project):
    (project / "latest.pt").symlink_to("model.pt")
    (project / "absolute.pt").symlink_to(project / "model.pt")
    (project / "vocabulary.txt").symlink_to("../shared/vocabulary.txt")
    (project / "far").symlink_to("/usr/share")
    (project / "package/up").symlink_to("..")  # a cycle
    (project / "self").symlink_to("self")
    (project / "broken").symlink_to("not there")
    with scratch_copy(script(project)) as scratch:
        copy = scratch.root
        assert os.readlink(copy / "latest.pt") == "model.pt"
        assert os.readlink(copy / "absolute.pt") == str(copy / "model.pt")
        assert (copy / "absolute.pt").read_bytes() == b"weights"
        assert (copy / "vocabulary.txt").read_text() == "a b c\n"
        assert os.readlink(copy / "far") == f"{scratch.files}/usr/share"  # this link leads to the original folder
        assert (copy / "package/up/package/up/train.py").samefile(copy / "train.py")
        assert os.readlink(copy / "self") == "self" and os.readlink(copy / "broken") == "not there"


@pytest.mark.parametrize("limit", ["MAX_ENTRIES", "MAX_FOLDER"])
def test_a_huge_folder_is_linked_as_a_whole_and_reported(project, monkeypatch, limit):
    monkeypatch.setattr(copying, limit, 40)
    for name in ("few", "many"):
        (project / "data" / name).mkdir()
    for i in range(60):
        (project / "data/many" / f"{i}.txt").write_text("x")
    (project / "data/few/a.txt").write_text("x")
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "data/many").is_symlink()
        assert not (scratch.root / "data/few").is_symlink()
        assert not (scratch.root / "package").is_symlink()
        assert len(list((scratch.root / "data/many").iterdir())) == 60
        assert any(note.startswith(f"{project}/data/many is linked as a whole") for note in scratch.notes)


def test_the_folder_of_the_script_is_always_a_real_folder(project, monkeypatch):
    monkeypatch.setattr(copying, "MAX_ENTRIES", 3)
    (project / "deep/down").mkdir(parents=True)
    (project / "deep/down/train.py").write_text("lr = 0.5\n")
    with scratch_copy(script(project, "deep/down/train.py")) as scratch:
        assert not (scratch.root / "deep/down").is_symlink()
        assert not (scratch.root / "deep/down/train.py").is_symlink()


@pytest.mark.slow
def test_thousands_of_files_need_only_one_link(project):
    for i in range(2_000):
        (project / "data/images" / f"{i}.png").touch()
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "data/images").is_symlink() and not (scratch.root / "data").is_symlink()
        assert len(os.listdir(scratch.root / "data/images")) == 2_000


def test_a_copy_is_deleted_even_after_an_error_and_if_read_only(project):
    with pytest.raises(RuntimeError), scratch_copy(script(project)) as scratch:
        top = scratch.top
        (scratch.root / "package/out").mkdir()
        (scratch.root / "package/out/x").write_text("x")
        os.chmod(scratch.root / "package/out", 0)
        os.chmod(scratch.root / "package", stat.S_IRUSR)
        raise RuntimeError
    assert not top.exists()
    assert (project / "model.pt").read_bytes() == b"weights"
    assert (project / "data/images/1.png").exists()
    assert stat.S_IMODE((project / "package").stat().st_mode) != stat.S_IRUSR


def test_read_only_files_stay_readable_and_their_copies_can_be_edited(project):
    (project / "package/config.yaml").chmod(0o444)
    (project / "train.py").chmod(0o444)
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "package/config.yaml").read_text() == "lr: 0.5\n"
        assert os.stat(scratch.root / "train.py").st_mode & stat.S_IWUSR
    assert stat.S_IMODE((project / "train.py").stat().st_mode) == 0o444


def test_special_files_do_not_prevent_a_copy(project):
    os.mkfifo(project / "pipe")
    with scratch_copy(script(project)) as scratch:
        assert (scratch.root / "pipe").is_symlink()


def test_a_full_disk_gives_a_one_line_error_and_leaves_no_files(project, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/x")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(copying, "_set_metadata", full)
    with pytest.raises(UsageError, match=r"project could not be copied: No space left on device"):
        with scratch_copy(script(project)):
            pass
    assert os.listdir(tmp_path / "temporary") == []


def test_compiled_kernels_can_be_shared(project, tmp_path):
    for _ in range(2):
        with scratch_copy(script(project), tmp_path / "kernels") as scratch:
            environment = child_environment(1, scratch)
            folder = Path(environment["TORCHINDUCTOR_CACHE_DIR"])
            assert scratch.compiled in scratch.writable_folders and folder.is_relative_to(tmp_path / "kernels")
            (folder / "kernel.so").write_text("")
    assert (folder / "kernel.so").exists()


def test_temporary_and_cache_files_go_to_the_copy_and_downloads_stay_readable(project, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".cache/torch/hub").mkdir(parents=True)
    (home / ".cache/torch/hub/resnet.pth").write_bytes(b"pretrained")
    (home / ".config/matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text("lines.linewidth: 3\n")
    (tmp_path / "hf/hub").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with scratch_copy(script(project)) as scratch:
        environment = child_environment(3, scratch)
        for name in ("TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME", "TRITON_CACHE_DIR", "WANDB_DIR"):
            folder = Path(environment[name])
            assert folder.is_dir() and folder.is_relative_to(scratch.top)
            (folder / "new").write_text("")
        assert Path(environment["XDG_CACHE_HOME"], "torch/hub/resnet.pth").read_bytes() == b"pretrained"
        assert Path(environment["MPLCONFIGDIR"], "matplotlibrc").exists()
        assert Path(environment["HF_HOME"], "hub").is_dir()
    assert os.listdir(home / ".cache") == ["torch"] and os.listdir(tmp_path / "hf") == ["hub"]


def test_the_environment_has_the_threads_no_trackers_and_the_copy_s_paths(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{project}/package:/opt/lib")
    monkeypatch.setenv("OUTPUT_DIR", f"{project}/out")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("DATA_URL", "https://host/data")
    with scratch_copy(script(project)) as scratch:
        environment = child_environment(3, scratch)
        assert environment["PYTHONPATH"] == f"{scratch.root}/package:/opt/lib"
        assert environment["OUTPUT_DIR"] == f"{scratch.root}/out"
        assert environment["DATA_URL"] == "https://host/data"
        assert environment["PATH"] == os.environ["PATH"]
        assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "3"
        assert environment["WANDB_MODE"] == "disabled"
        assert environment["MPLBACKEND"] == "Agg"
        tracking = environment["MLFLOW_TRACKING_URI"]
        assert tracking.startswith(f"file://{scratch.top}")
        assert not Path(tracking.removeprefix("file://")).exists()  # MLflow creates it, with its default experiment
        assert environment["HF_HUB_OFFLINE"] == "1"
    with scratch_copy(script(project)) as scratch:
        assert "HF_HUB_OFFLINE" not in child_environment(3, scratch, allow_effects=True)


def test_the_described_environment_contains_no_variables(monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "hunter2hunter2")
    described = describe_environment()
    assert described["python"].startswith("3.") and described["torch"]
    assert "hunter2" not in str(described)


def test_the_slowest_creation_or_deletion_predicts_the_next_deletion(project, tmp_path, monkeypatch):
    links, expected = Links(str(tmp_path / "links")), []
    monkeypatch.setattr(copying, "monotonic", iter([0.0, 2.0, 10.0, 15.0, 20.0, 21.0, 22.0, 23.0]).__next__)
    for _ in range(2):
        with scratch_copy(script(project), links=links) as scratch:
            expected.append(scratch.deletion_s)
    assert expected == [2.0, 5.0] and links.slowest_s == 5.0
