"""Plant ten faults in the JavaScript of the explorers, one at a time, and see that a test in a browser notices each.

python tools/mutate_js.py          all of them, about a minute each
python tools/mutate_js.py card fan     only these

Each fault is planted in a temporary copy of the repository. The test runs there, and must fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = "bpcourse/data/explorer/explorer.js"
TESTS = "tests/browser/test_explorers_in_jupyterlab.py"


@dataclass(frozen=True)
class Fault:
    """A fault: text of the script, the text in its place, and the test that notices it."""

    right: str
    wrong: str
    test: str


FAULTS = {
    "undo": Fault(
        "value: Number(range.value), again: gesture === name",
        "value: Number(range.value), again: false",
        "test_slider__arrow_keys_move_nothing_else",
    ),
    "gesture": Fault(
        "if (focused) gesture = before;",
        "",
        "test_number_in_the_picture__arrow_keys_move_it",
    ),
    "drag": Fault(
        "drag.start + (event.clientX - drag.x)",
        "drag.start - (event.clientX - drag.x)",
        "test_number_in_the_picture__is_dragged",
    ),
    "invalid": Fault(
        'field.wrong = view.alert !== "";',
        "field.wrong = false;",
        "test_field__wrong_number_gets_a_message_and_stays",
    ),
    "typing": Fault(
        "if (!field.typing && !field.sent && !field.wrong) field.value = text;",
        "field.value = text;",
        "test_field__wrong_number_gets_a_message_and_stays",
    ),
    "card": Fault(
        "if (back) mark(name)?.focus({ preventScroll: true });",
        "",
        "test_number_in_the_picture__opens_its_slider_and_field_beside_it",
    ),
    "chart": Fault(
        "share(box.bottom - event.clientY, box.height)",
        "share(event.clientY - box.top, box.height)",
        "test_chart__click_lands_where_the_mouse_is",
    ),
    "fan": Fault(
        "Number(layer) === Number(of) + 1",
        "Number(layer) === Number(of)",
        "test_fan__labels_of_the_unit_under_the_pointer_are_shown",
    ),
    "queue": Fault(
        "message.do === last.do && message.name === last.name",
        "message.do === last.do",
        "test_sliders__moved_while_the_kernel_is_busy_keep_their_last_values",
    ),
    "bug": Fault(
        "if (view.alert || view.locked) pause();",
        "",
        "test_run__ends_at_a_bug",
    ),
}


def failure(fault: Fault) -> str:
    """Return how the test fails if the fault is planted in a copy of the repository, or "" if it passes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "build", "dist", "__pycache__", ".*_cache"))
        script = copy / SCRIPT
        text = script.read_text(encoding="utf-8")
        if text.count(fault.right) != 1:
            raise SystemExit(
                f"needed a text that is in {SCRIPT} once; got {fault.right!r}, {text.count(fault.right)} times"
            )
        script.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", TESTS, "-k", fault.test]
        done = subprocess.run(
            command, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy), "COLUMNS": "200"}, capture_output=True
        )
        printed = done.stdout.decode()
        failed = [line for line in printed.splitlines() if line.startswith("FAILED ")]
        if done.returncode != 0 and not failed:
            raise SystemExit(f"needed a test that runs; got status {done.returncode}:\n{printed}")
        return failed[0].partition(" - ")[2] or "it failed" if failed else ""


def main(words: list[str]) -> int:
    """Print for each fault how it was noticed, and return 1 if one was not."""
    every = True
    for name in words or FAULTS:
        how = failure(FAULTS[name])
        every &= bool(how)
        print(f"{name:8} {FAULTS[name].test}\n         {how or 'NOT NOTICED'}", flush=True)
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
