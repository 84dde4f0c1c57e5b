"""Vectors are counted before they are made."""

import pytest
import torch

from descend.landscape import CurvatureUnavailable, Loss, ends, room


def test_vectors_that_do_not_fit_are_refused_with_both_numbers(tmp_path, monkeypatch):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:  4194304 kB\nMemAvailable:  2097152 kB\n")
    monkeypatch.setattr(room, "MEMORY", told)
    many = [torch.zeros(1).expand(2**28)]
    room.require_room(2, many)
    with pytest.raises(CurvatureUnavailable, match=r"3 vectors of 268,435,456 parameters need 3.0 GiB; 2.0 GiB are fr"):
        room.require_room(3, many)
    with pytest.raises(CurvatureUnavailable, match=r"need 4.0 GiB"):
        room.require_room(2, [torch.zeros(1, dtype=torch.float64).expand(2**28)])


def test_the_ends_of_a_spectrum_are_not_looked_for_without_room(tmp_path, monkeypatch):
    told = tmp_path / "meminfo"
    told.write_text("MemAvailable:  1 kB\n")
    monkeypatch.setattr(room, "MEMORY", told)
    monkeypatch.setattr(room, "LITTLE", 1024)
    theta = [torch.ones(100)]
    hessian = Loss((lambda theta: theta[0].pow(4).sum(),)).hessian(theta)
    with pytest.raises(CurvatureUnavailable, match="vectors of 100 parameters need"):
        ends(hessian, theta, top=1, bottom=1)


def test_where_the_system_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MEMORY", tmp_path / "none")
    assert room.free_bytes(torch.device("cpu")) == float("inf")
