"""How soon the command line answers, and that it does not import torch for it."""

import sys

from side_by_side import Ratio, run


def starting(repeats: int = 9) -> list[str]:
    """Return the wall clock of `--help` and what `import descend` adds to `import torch`."""
    help_s = sorted(run(sys.executable, "-m", "descend", "--help")[0] for _ in range(repeats))
    modules = run(sys.executable, "-X", "importtime", "-c", "import descend.cli, sys; print('torch' in sys.modules)")[1]
    adds = sorted(
        run(sys.executable, "-c", "import torch, descend")[0] - run(sys.executable, "-c", "import torch")[0]
        for _ in range(repeats)
    )
    help_figure = Ratio(help_s[0], help_s[len(help_s) // 2], help_s[-1])
    add_figure = Ratio(adds[0], adds[len(adds) // 2], adds[-1])
    return [
        f"| `descend --help`, seconds | {help_figure} |",
        f"| torch imported for it | {modules.strip()} |",
        f"| `import descend` after `import torch`, seconds more | {add_figure} |",
    ]
