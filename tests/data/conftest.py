"""What lies in data/ is imported as its scripts import it: by plain name."""

import sys
from pathlib import Path

DATA = str(Path(__file__).parents[2] / "data")
if DATA not in sys.path:
    sys.path.append(DATA)
