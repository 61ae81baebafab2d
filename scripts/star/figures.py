"""Prints the correlations of `make star`. Fails if one is below the figure of docs/results.md by more than noise."""

import json
import sys
from pathlib import Path

EXPECTED = {"network": 0.982, "solver": 0.992}
NOISE = 0.005  # trainings with other threads and processors differ by less


def main() -> int:
    """Compare both figures in the directory that the command line names."""
    low = False
    for name, expected in EXPECTED.items():
        found = json.loads((Path(sys.argv[1]) / name / "metrics.json").read_text())["complex_correlation"]
        print(f"  {name}: complex correlation {found:.4f} with ePIE, expected {expected}")
        low |= found < expected - NOISE
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
