"""Run the benchmarks that compare with a peer, and compare the ratios with the recorded ones.

    python benchmarks/compare.py             about ten minutes; pip install -e ".[bench]" installs the peers
    python benchmarks/compare.py --record    also write what was measured to ratios.json

A ratio says how many times as fast as its peer the course is, measured side by side in one run, so that it depends
little on the machine. The command ends with status 1 if a ratio is less than three quarters of the recorded one, or if
a peer is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "ratios.json"
ENOUGH = 0.75  # of the recorded ratio
RATIOS = {  # for each benchmark, the ratios in what it prints, and what they mean
    "import_time.py": (r"^ratio +(?P<times_as_long>[\d.]+)", "import numpy"),
    "explorers.py": (r"^(?P<times_as_fast>[\d.]+) times as fast as interact", "interact"),
    "live.py": (r"^(?P<peer>.+?) +\d+ / s +\d+ / s +(?P<slower_by>-?\d+)%", "a plain loop"),
    "training.py": (r"^  (?P<peer>(?!bpcourse).{18}).* µs a step +(?P<times_as_fast>[\d.]+) × ours", ""),
}


def ratios(benchmark: str, printed: str) -> Iterator[tuple[str, float]]:
    r"""Yield the name of each ratio that a benchmark printed, and how many times as fast as its peer the course is.

    >>> [*ratios("import_time.py", "import numpy 80 ms\nratio    1.25    median of 40 rounds")]
    [('import_time: import numpy', 0.8)]
    >>> [*ratios("live.py", "moons           200 / s     190 / s     5%   10.0 / s")]
    [('live: a plain loop, moons', 0.95)]
    >>> [*ratios("training.py", "Single step, float64\n  autograd               120.0 µs a step    2.50 × ours")]
    [('training: autograd, Single step, float64', 2.5)]
    """
    pattern, peer = RATIOS[benchmark]
    title = ""
    for line in printed.splitlines():
        found = re.match(pattern, line)
        if found is None:
            title = line if line and not line.startswith(" ") else title
            continue
        groups = found.groupdict()
        name = ", ".join(filter(None, (peer, (groups.get("peer") or "").strip(), "" if peer else title)))
        if "times_as_long" in groups:
            ratio = 1 / float(groups["times_as_long"])
        elif "slower_by" in groups:
            ratio = 1 - float(groups["slower_by"]) / 100
        else:
            ratio = float(groups["times_as_fast"])
        yield f"{benchmark.removesuffix('.py')}: {name}", round(ratio, 3)


def main() -> int:
    """Run the benchmarks, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write what was measured to ratios.json")
    args, measured = parser.parse_args(), {}
    for benchmark in RATIOS:
        print(f"{benchmark} …", file=sys.stderr, flush=True)
        ran = subprocess.run([sys.executable, HERE / benchmark], stdout=subprocess.PIPE, text=True, check=False)
        measured |= dict(ratios(benchmark, ran.stdout))
    if args.record:
        RECORDED.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    lines, good = compared(recorded, measured)
    print("\n".join(lines))
    return int(not good)


def compared(recorded: dict[str, float], measured: dict[str, float]) -> tuple[list[str], bool]:
    r"""Return a table of recorded and measured ratios, and whether each was measured and is good enough.

    >>> lines, good = compared({"a": 2.0, "b": 2.0, "c": 1.0}, {"a": 1.9, "b": 1.0})
    >>> print("\n".join(lines))
    recorded  measured
        2.00      1.90  a
        2.00      1.00  b: slower than it was
        1.00         —  c: not measured
    >>> good
    False
    """
    lines, good = ["recorded  measured"], True
    for name, before in recorded.items():
        now = measured.get(name)
        remark = ": not measured" if now is None else ": slower than it was" if now < ENOUGH * before else ""
        good &= not remark
        lines.append(f"{before:8.2f}{'—' if now is None else f'{now:.2f}':>10}  {name}{remark}")
    return lines, good


if __name__ == "__main__":
    sys.exit(main())
