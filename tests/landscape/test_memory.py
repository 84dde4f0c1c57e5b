"""The memory for vectors is checked before they are allocated."""

import pytest
import torch

from descend.landscape import CurvatureUnavailable, Loss, ends, memory


def test_vectors_that_do_not_fit_are_refused_with_both_numbers(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  4194304 kB\nMemAvailable:  2097152 kB\n")
    monkeypatch.setattr(memory, "MEMORY", meminfo)
    many = [torch.zeros(1).expand(2**28)]
    memory.require_memory(2, many)
    with pytest.raises(CurvatureUnavailable, match=r"3 vectors of 268,435,456 parameters need 3.0 GiB, but 2.0 are fr"):
        memory.require_memory(3, many)
    with pytest.raises(CurvatureUnavailable, match=r"need 4.0 GiB"):
        memory.require_memory(2, [torch.zeros(1, dtype=torch.float64).expand(2**28)])


def test_eigenpairs_are_not_computed_without_enough_memory(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemAvailable:  1 kB\n")
    monkeypatch.setattr(memory, "MEMORY", meminfo)
    monkeypatch.setattr(memory, "UNCHECKED", 1024)
    theta = [torch.ones(100)]
    hessian = Loss((lambda theta: theta[0].pow(4).sum(),)).hessian(theta)
    with pytest.raises(CurvatureUnavailable, match="vectors of 100 parameters need"):
        ends(hessian, theta, top=1, bottom=1)


def test_memory_is_unlimited_if_the_system_does_not_report_free_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "none")
    assert memory.free_bytes(torch.device("cpu")) == float("inf")
