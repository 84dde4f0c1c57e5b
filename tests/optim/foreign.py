"""Runs torch's own optimizer tests on our classes: `python foreign.py TEST_OPTIM_PY [unittest arguments]`.

TEST_OPTIM_PY is test/test_optim.py of torch's sources (`apt-get source pytorch`); the cases come with torch.
Each of torch's classes that we have is exchanged for ours before the tests are made. Inputs that ours do not take are
left out and listed.
"""

import runpy
import sys

from torch.testing._internal import common_optimizers as cases

from descend import optim

LEFT_OUT = {}


def exchange() -> None:
    """Put our classes into torch's database, and leave only the rules that we have."""
    kept = []
    for info in cases.optim_db:
        ours = getattr(optim, info.optim_cls.__name__, None)
        if ours is None or info.optim_cls.__name__ == "Optimizer":
            print(f"left out: {info.optim_cls.__name__}, which is not of our canon", file=sys.stderr)
            continue
        info.optim_cls = ours
        info.optim_inputs_func = _without(info.optim_inputs_func, ours.__name__)
        kept.append(info)
    cases.optim_db[:] = kept


def _without(inputs, name: str):
    def kept(*args, **kwargs):
        found = []
        for case in inputs(*args, **kwargs):
            refused = next((reason for key, reason in LEFT_OUT.items() if case.kwargs.get(key)), None)
            if refused:
                print(f"left out: {name} {case.desc} ({refused})", file=sys.stderr)
            else:
                found.append(case)
        return found

    return kept


if __name__ == "__main__":
    exchange()
    suite, sys.argv = sys.argv[1], sys.argv[1:]
    sys.path.insert(0, suite.rpartition("/")[0])
    runpy.run_path(suite, run_name="__main__")
