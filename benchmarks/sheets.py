"""Print how long sheets with keys take, and how much memory: 100 and 1,000 of them, and 30 as PDF.

    python benchmarks/sheets.py

The sheets are those that `bpcourse sheet` makes by default: four questions, level 3. The goals are
1,000 HTML sheets with keys in less than 60 s, with no more memory than 100 need, and 30 as PDF in
less than 60 s. Each row is a separate run. Its second peak is that of the largest of the other
processes; a browser's processes do not count. The seconds of all processors together depend less on
what else the machine is doing than the seconds on the clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bpcourse.lab.browser import find_browser

ROUNDS = ((100, "html"), (1000, "html"), (100, "md"), (100, "ipynb"), (30, "pdf"))
MEASURED = """
import resource, sys
from bpcourse import cli

if __name__ == "__main__":  # the other processes import this file and must not run it again
    cli.main(sys.argv[1:])
    print(*(resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def processors() -> float:
    """Return the processor seconds that this process's ended children have used."""
    used = os.times()
    return used.children_user + used.children_system


def main() -> None:
    """Make the sheets in temporary folders and print a table."""
    print("  sheets with keys   seconds  of processors  files / s  peak of the first process  of another")
    for count, form in ROUNDS:
        if form == "pdf" and find_browser() is None:
            print("No PDF: this machine has no Chromium, Chrome or Edge.")
            continue
        with tempfile.TemporaryDirectory() as folder:
            script, out = Path(folder) / "measured.py", Path(folder) / "out"
            script.write_text(MEASURED, encoding="utf-8")
            words = ["sheet", "--count", str(count), "--format", form, "--seed", "benchmark", "--out", str(out)]
            start, before = time.perf_counter(), processors()
            ran = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=True)
            seconds, used = time.perf_counter() - start, processors() - before
            files = len(list(out.glob("*/*")))
        own, others = ran.stdout.splitlines()[-1].split()
        scale = 1024 if sys.platform != "darwin" else 1024**2
        print(
            f"{count:>13} {form:<5}{seconds:9.1f}{used:15.1f}{files / seconds:11.1f}"
            f"{int(own) / scale:23.0f} MB{int(others) / scale:9.0f} MB"
        )


if __name__ == "__main__":
    main()
