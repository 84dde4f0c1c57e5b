"""Runs torch's own optimizer tests on our classes: `python foreign.py TEST_OPTIM_PY [unittest arguments]`.

TEST_OPTIM_PY is test/test_optim.py of torch's sources (`apt-get source pytorch`); the cases come with torch.
Each of torch's classes that we have is exchanged for ours before the tests are made. What is left out says why.
"""

import importlib.util
import sys
import unittest

from torch.testing._internal import common_optimizers as cases

from descend import optim

LEFT_OUT = {
    "test_errors": "our errors have words of their own; test_torch_cases.py checks their kinds",
    "test_fused_error_on_params_on_meta": "fused= changes nothing here, so there is nothing to refuse",
}


def exchange() -> None:
    """Put our classes into torch's database, and leave only the rules that we have."""
    kept = [info for info in cases.optim_db if info.optim_cls.__name__ in optim.__all__]
    for info in cases.optim_db:
        if info not in kept:
            print(f"left out: {info.optim_cls.__name__}, which is not one of our optimizers", file=sys.stderr)
    for info in kept:
        info.optim_cls = getattr(optim, info.optim_cls.__name__)
    cases.optim_db[:] = kept


def suite_of(path: str) -> type[unittest.TestCase]:
    """Return torch's tests of optimizers on the CPU, as the database is now."""
    specification = importlib.util.spec_from_file_location("test_optim", path)
    assert specification is not None and specification.loader is not None
    sys.path.insert(0, path.rpartition("/")[0])
    module = importlib.util.module_from_spec(specification)
    sys.modules["test_optim"] = module
    specification.loader.exec_module(module)
    tests = module.TestOptimRenewedCPU
    for name in dir(tests):
        for start, reason in LEFT_OUT.items():
            if name.startswith(start + "_"):
                setattr(tests, name, unittest.skip(reason)(getattr(tests, name)))
    return tests


if __name__ == "__main__":
    exchange()
    TestOptimRenewedCPU = suite_of(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
