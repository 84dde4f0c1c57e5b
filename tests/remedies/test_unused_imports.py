"""Imports that an edit leaves unused are removed."""

from pathlib import Path

import pytest

from descend.doctor.codemod.imports import remove_unused_imports

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
def test_imports_that_an_edit_leaves_unused_are_removed(case: str) -> None:
    before, after = IDLE[case]
    assert remove_unused_imports(FILE, before + USES, before + "b = 0\n") == after + "b = 0\n"


@pytest.mark.parametrize("still", ["a = log(2)\n", "a = math.pi\n", '__all__ = ["math", "log"]\n'])
def test_imports_used_elsewhere_stay(still: str) -> None:
    head = "import math\nfrom numpy import log\n"
    edited = remove_unused_imports(FILE, head + still + USES, head + still + "b = 0\n")
    assert still in edited and ("import math" in edited) == ("math" in still) and ("log" in edited) == ("log" in still)


def test_a_file_with_a_syntax_error_is_not_edited() -> None:
    assert (
        remove_unused_imports(FILE, "%magic\nimport math\nmath.pi\n", "%magic\nimport math\n")
        == "%magic\nimport math\n"
    )
