"""Print how long the first use of bpcourse takes compared with `import numpy`: fresh processes, in turns, medians.

A public name is imported when it is first used, so `from bpcourse import backprop` is timed.

The aim is at most 1.3 times as much.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 40
TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def seconds(statement: str) -> float:
    """Measure one import in a fresh Python, in seconds."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure in turns, so that other work of the machine affects both equally."""
    rounds = [(seconds("import numpy"), seconds("from bpcourse import backprop")) for _ in range(ROUNDS + 1)][
        1:
    ]  # the first fills the caches
    numpy, bpcourse = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratio = statistics.median(ours / theirs for theirs, ours in rounds)
    print(f"import numpy                   {numpy * 1e3:6.1f} ms")
    print(f"from bpcourse import backprop  {bpcourse * 1e3:6.1f} ms, numpy included")
    print(f"ratio                          {ratio:6.2f}    median of {ROUNDS} rounds; aim: at most 1.3")


if __name__ == "__main__":
    main()
