"""Make the records of tests/symptoms importable."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "symptoms"), str(Path(__file__).parent)]
