"""The real service of tests/populer is what the faults are done to."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "populer"))
