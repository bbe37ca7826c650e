"""Use the course for minutes in a real Chromium, and print whether memory stays bounded and what is shown stays right.

    python tools/soak.py                ten minutes of an explorer, then the rest
    python tools/soak.py --minutes 1    a short run: everything else in the same proportion

An explorer is driven by keys; a live training is paused and resumed 200 times; a kernel is interrupted at 200 random
moments; 1,000 cells are run again. After each part the memory of the kernel and of the page is printed, and whether
the page, the explorer's `value` and its network agree, and whether the training equals one without a page. The status
is 1 if they differ, or if the memory of a part grows by more than `--most` MB. A cell that is run again may add 0.2 MB
to each. Memory is measured after a warm-up and a garbage collection.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

from bpcourse.lab.browser import find_browser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.support import jupyterlab, open_and_run

SETUP = """
import gc, json
from bpcourse import EXAMPLES, backprop, datasets, explore, explore_live, Network
from bpcourse.engine.entries import value_of
import numpy as np
lecture = EXAMPLES["lecture"]
moons = datasets.moons()

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
"""
EXPLORER = "e = explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)\ne"
LIVE = """network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
live = explore_live(network, moons.x, moons.y)
replay, last = live.scene.begin(), None
live"""
# The loss that the network in the scene has, computed again, and the value of each slider.
STATE = """scene = e.scene
print(json.dumps({"value": e.value["W1[1,1]"], "network": value_of(scene.network, "W1[1,1]"),
    "loss": scene.trace.loss, "again": backprop(scene.network, lecture.x, lecture.y).loss}))"""
# The same training without a page, as far as the shown one has come.
LIVE_STATE = """while replay.epochs < live.scene.epochs:
    last = replay.epoch()
same = np.array_equal(replay.parameters.vector, live.scene.training.parameters.vector)
print(json.dumps({"epochs": live.scene.epochs, "loss": live.scene.loss_value, "again": last, "same": bool(same)}))"""
ASK = """async code => {
    const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
    const asked = kernel.requestExecute({ code, store_history: false });
    let printed = "";
    asked.onIOPub = message => {
        if (message.header.msg_type === "stream") printed += message.content.text;
        if (message.header.msg_type === "error") printed += message.content.ename;
    };
    await asked.done;
    return printed;
}"""
INTERRUPT = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"
RUN_CELL = """async index => {
    jupyterapp.shell.currentWidget.content.activeCellIndex = index;
    await jupyterapp.commands.execute('notebook:run-cell');
}"""
PER_CELL = 0.2  # MB
CONTROL = ".bpcourse .picture [data-control='W1[1,1]']"
SLIDER = ".bpcourse input[type=range][data-name='W1[1,1]']"
RUN = ".bpcourse button[data-name=run]"


@dataclass
class Soak:
    """A notebook that is used, and the faults that were found."""

    page: Page
    most: float
    faults: list[str] = field(default_factory=list)

    def ask(self, code: str) -> str:
        """Run code in the kernel and return what it printed."""
        return str(self.page.evaluate(ASK, code)).strip()

    def memory(self) -> tuple[float, float]:
        """Return the megabytes of the kernel, and of the page's JavaScript after a garbage collection."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        session.detach()
        return float(self.ask("print(resident())")), used

    def require(self, holds: bool, what: str) -> None:
        """Remember a fault."""
        if not holds:
            self.faults.append(what)

    def report(self, part: str, done: str, before: tuple[float, float], started: int, cells: int = 0) -> None:
        """Print the memory and the faults of a part."""
        after = self.memory()
        for name, low, high in zip(("kernel", "page"), before, after, strict=True):
            self.require(high - low <= self.most + PER_CELL * cells, f"{part}: the {name} grew by {high - low:.1f} MB")
        sizes = ", ".join(
            f"{name} {low:.1f} -> {high:.1f} MB"
            for name, low, high in zip(("kernel", "page"), before, after, strict=True)
        )
        verdict = "; ".join(self.faults[started:]) or "consistent"
        print(f"{part:10} {done:44} {sizes}: {verdict}", flush=True)

    def check_explorer(self, part: str) -> None:
        """Compare the page, the explorer's value, and its network."""
        self.page.wait_for_timeout(500)
        printed = self.ask(STATE)
        try:
            state = json.loads(printed)
        except ValueError:
            self.require(False, f"{part}: the kernel printed {printed[-80:]!r}")
            return
        shown = float(self.page.locator(SLIDER).first.input_value())
        values = f"page {shown}, value {state['value']}, network {state['network']}"
        self.require(state["value"] == state["network"] and abs(shown - state["value"]) < 1e-6, f"{part}: {values}")
        self.require(state["loss"] == state["again"], f"{part}: loss {state['loss']}, computed again {state['again']}")

    def keys(self, count: int) -> None:
        """Press arrow keys on a slider, with a button now and then."""
        self.page.locator(CONTROL).first.focus()
        for number in range(count):
            self.page.keyboard.press(random.choice(("ArrowRight", "ArrowLeft", "ArrowRight", "PageUp", "PageDown")))  # noqa: S311
            if number % 50 == 49:
                self.page.locator(".bpcourse button[data-name=update]").first.click()
                self.page.locator(".bpcourse button[data-name=reset]").first.click()
                self.page.locator(CONTROL).first.focus()
            self.page.wait_for_timeout(20)

    def explorer(self, minutes: float) -> None:
        """Drive the explorer for some minutes."""
        self.keys(200)
        before, started, moves = self.memory(), len(self.faults), 0
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            self.keys(100)
            moves += 100
            self.check_explorer("explorer")
        self.report("explorer", f"{moves} keys in {minutes:g} minutes", before, started)

    def interrupts(self, count: int) -> None:
        """Interrupt the kernel at random moments while keys are pressed."""
        before, started = self.memory(), len(self.faults)
        for _ in range(count):
            self.page.locator(CONTROL).first.focus()
            for _ in range(5):
                self.page.keyboard.press(random.choice(("ArrowRight", "ArrowLeft")))  # noqa: S311
            self.page.wait_for_timeout(random.uniform(0, 30))  # noqa: S311
            self.page.evaluate(INTERRUPT)
            self.page.wait_for_timeout(100)
            self.check_explorer("interrupts")
        self.report("interrupts", f"{count} interrupts of the kernel", before, started)

    def live(self, count: int) -> None:
        """Pause and resume a training."""
        button = self.page.locator(RUN).last  # the explorer above has one, too
        button.click()
        self.page.wait_for_timeout(1000)
        button.click()
        before, started, last = self.memory(), len(self.faults), -1
        for _ in range(count):
            button.click()
            self.page.wait_for_timeout(random.uniform(50, 300))  # noqa: S311
            button.click()
            state = json.loads(self.ask(LIVE_STATE))
            self.require(state["epochs"] >= last, f"live: {state['epochs']} epochs after {last}")
            losses = f"loss {state['loss']}, trained again {state['again']}, same weights: {state['same']}"
            self.require(state["loss"] == state["again"] and state["same"], f"live: {losses}")
            last = state["epochs"]
        self.report("live", f"paused and resumed {count} times, {last} epochs", before, started)

    def cells(self, count: int) -> None:
        """Run the cell of the explorer again."""
        for _ in range(20):
            self.page.evaluate(RUN_CELL, 1)
        before, started = self.memory(), len(self.faults)
        for _ in range(count):
            self.page.evaluate(RUN_CELL, 1)
        self.page.wait_for_selector(CONTROL)
        self.check_explorer("cells")
        self.report("cells", f"{count} cells run again", before, started, count)


def main() -> int:
    """Run all parts and return the status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of the explorer; default: %(default)s")
    parser.add_argument("--most", type=float, default=30.0, help="MB that a part may grow; default: %(default)s")
    args = parser.parse_args()
    share = min(1.0, args.minutes / 10)
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), "--expose-app-in-browser") as address:
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else JupyterLab asks which
        cells = [new_code_cell(source) for source in (SETUP.strip(), EXPLORER, LIVE)]
        nbformat.write(new_notebook(metadata=kernel, cells=cells), Path(folder) / "soak.ipynb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.set_default_timeout(60_000)
            open_and_run(page, address, "soak.ipynb")
            page.wait_for_selector(CONTROL)
            page.wait_for_selector(RUN)
            soak = Soak(page, args.most)
            soak.explorer(args.minutes)
            soak.live(round(200 * share))
            soak.interrupts(round(200 * share))
            soak.cells(round(1000 * share))
            browser.close()
    print(f"{len(soak.faults)} faults; bound: {args.most:g} MB for each part, and {PER_CELL} MB more for each cell")
    return int(bool(soak.faults))


if __name__ == "__main__":
    sys.exit(main())
