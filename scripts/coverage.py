"""How predictions of ``suanli predict serving`` stand to what a table measured: median error, and the share inside the 80 % interval.

python scripts/coverage.py TABLE.csv ...
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from suanli.api import open_catalogue, predict_serving, read_rows

FIGURES = ("ttft_ms", "tpot_ms", "tokens_per_s_per_chip")


def main(paths: list[Path]) -> None:
    """Print one line a table, mode and figure."""
    print(f"{'table':<26}{'mode':<8}{'figure':<24}{'rows':>6}{'median error':>14}{'inside':>8}")
    for path in paths:
        rows, answers = list(read_rows(path)), predict_serving(open_catalogue(), path)
        modes = np.array([row.get("mode") or "" for row in rows])
        usable = np.array([row.get("quality") != "suspect" and "mtp" not in (row.get("spec_decode") or "") for row in rows])
        for name in FIGURES:
            measured = np.array([float(row.get(name) or "nan") for row in rows])
            mid, low, high = (np.array([float(answer[name + suffix] or "nan") for answer in answers]) for suffix in ("", "_low", "_high"))
            for mode in sorted(set(modes)):
                both = usable & (modes == mode) & np.isfinite(measured) & np.isfinite(mid)
                if both.any():
                    error = np.median(np.abs(mid / measured - 1)[both])
                    inside = ((low <= measured) & (measured <= high))[both].mean()
                    print(f"{path.stem:<26}{mode:<8}{name:<24}{both.sum():>6}{error:>14.3f}{inside:>8.2f}")


if __name__ == "__main__":
    main([Path(each) for each in sys.argv[1:]])
