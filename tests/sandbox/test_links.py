"""Links that several copies share behave like other links."""

import os
from pathlib import Path

from descend.doctor.sandbox.links import Links
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script


def test_copies_share_their_links_without_affecting_each_other(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    for name in ("train.py", "weights.pt", "data.bin"):
        (project / name).write_text(f"# {name}\n")
    script, links = Script(project / "train.py", project), Links(str(tmp_path / "links"))
    with scratch_copy(script, links=links) as first, scratch_copy(script, links=links) as second:
        one, other = first.root / "data.bin", second.root / "data.bin"
        assert os.readlink(one) == os.readlink(other) == str(project / "data.bin")
        assert os.lstat(one).st_ino == os.lstat(other).st_ino != os.lstat(first.root / "weights.pt").st_ino
        one.unlink()
        one.write_text("mine\n")
        assert other.is_symlink() and other.read_text() == (project / "data.bin").read_text() == "# data.bin\n"
    with scratch_copy(script, links=links) as third:
        assert (third.root / "data.bin").read_text() == "# data.bin\n"


def test_without_hard_links_each_link_is_created_separately(tmp_path, monkeypatch):
    def refuse(*names, **how):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    links = Links(str(tmp_path / "links"))
    for name in ("a", "b"):
        links.link("/etc/hostname", str(tmp_path / name))
        assert Path(tmp_path / name).is_symlink() and os.readlink(tmp_path / name) == "/etc/hostname"
    assert len(os.listdir(tmp_path / "links")) == 1
