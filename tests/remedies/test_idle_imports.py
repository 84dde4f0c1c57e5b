"""An import of what an edit has used up goes with it."""

from pathlib import Path

import pytest

from descend.doctor.source.imports import without_idle

FILE = Path("train.py")
USES = "b = math.log(2) + log(3)\n"
IDLE = {  # imports before and after an edit that leaves `b = 0`
    "a module": ("import math\nimport os\n", "import os\n"),
    "by another name": ("import math as log\nimport math\n", ""),
    "one of several": ("from math import (\n    log,\n    sin,\n)\n", "from math import (\n    sin,\n)\n"),
    "the last of several": ("from math import sin, log\n", "from math import sin\n"),
    "a line of several statements": ("import math; import os\n", "import math; import os\n"),
    "never used": ("import sys\n", "import sys\n"),
    "a submodule": ("import math.log\n", "import math.log\n"),
    "all of a module": ("from math import *\n", "from math import *\n"),
}


@pytest.mark.parametrize("case", IDLE)
def test_what_was_used_and_is_no_longer_is_not_imported(case: str) -> None:
    before, after = IDLE[case]
    assert without_idle(FILE, before + USES, before + "b = 0\n") == after + "b = 0\n"


@pytest.mark.parametrize("still", ["a = log(2)\n", "a = math.pi\n", '__all__ = ["math", "log"]\n'])
def test_what_is_used_elsewhere_stays(still: str) -> None:
    head = "import math\nfrom numpy import log\n"
    edited = without_idle(FILE, head + still + USES, head + still + "b = 0\n")
    assert still in edited and ("import math" in edited) == ("math" in still) and ("log" in edited) == ("log" in still)


def test_what_python_does_not_read_is_left_alone() -> None:
    assert without_idle(FILE, "%magic\nimport math\nmath.pi\n", "%magic\nimport math\n") == "%magic\nimport math\n"
