"""Print how much a live display slows training down: the epochs of `explore_live` compared with those of a plain loop.

    python benchmarks/live.py

Both run in the kernel of one notebook, in one JupyterLab and one Chromium, and take turns of five seconds. The aim is
at most 15 percent fewer epochs, with at least four pictures a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

from bpcourse.lab.browser import find_browser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.support import jupyterlab, open_and_run

ROUNDS, TURN = 4, 5.0  # turns of each, and their seconds
SETUP = """
import time
import numpy as np
from bpcourse import Network, datasets, explore_live
chosen = datasets.{data}()
network = Network.initialize({sizes}, {activations}, np.random.default_rng(0))
watched = explore_live(network, chosen.x, chosen.y, {settings})
bare = watched.scene.begin()

def bare_epochs(seconds):
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        count += bare.epoch() > 0
    return count

watched
"""
WORK = {
    "moons, 2-8-1, all at once": {
        "data": "moons",
        "sizes": [2, 8, 1],
        "activations": ["tanh", "sigmoid"],
        "settings": "",
    },
    "digits, 64-32-10, batch 32": {
        "data": "digits",
        "sizes": [64, 32, 10],
        "activations": ["relu", "softmax"],
        "settings": "loss='categorical_cross_entropy', batch_size=32, shape=(8, 8)",
    },
}
ASK = """async code => {
    const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
    const asked = kernel.requestExecute({ code, store_history: false });
    let printed = "";
    asked.onIOPub = message => { if (message.header.msg_type === "stream") printed += message.content.text; };
    await asked.done;
    return Number(printed);
}"""
COUNT = """() => {
    window.pictures = 0;
    const count = () => { window.pictures += 1; };
    new MutationObserver(count).observe(document.querySelector(".bpcourse .caption"), { childList: true });
}"""


def ask(page: Page, expression: str) -> float:
    """Get a number from the kernel."""
    return float(page.evaluate(ASK, f"print({expression})"))


def watch(page: Page) -> tuple[float, float]:
    """Let it run for one turn, and count its epochs and pictures per second."""
    button = page.locator(".bpcourse button[data-name=run]")
    button.click()
    page.wait_for_timeout(500)
    epochs, pictures = "[watched.scene.epochs, time.perf_counter()]", "() => [window.pictures, performance.now()]"
    first, since = ask(page, f"{epochs}[0]"), page.evaluate(pictures)
    start = ask(page, "time.perf_counter()")
    page.wait_for_timeout(1000 * TURN)
    count, end = ask(page, f"{epochs}[0]") - first, ask(page, "time.perf_counter()")
    shown, now = page.evaluate(pictures)
    button.click()
    page.wait_for_timeout(1000)
    return count / (end - start), 1000 * (shown - since[0]) / (now - since[1])


def main() -> None:
    """Measure both in turns for each work, and print a table."""
    print(f"{'':28}{'bare loop':>14}{'watched':>14}{'slower by':>11}{'pictures':>12}")
    for title, work in WORK.items():
        with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), "--expose-app-in-browser") as address:
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else JupyterLab asks which
            cells = [new_code_cell(SETUP.strip().format(**work))]
            nbformat.write(new_notebook(metadata=kernel, cells=cells), Path(folder) / "live.ipynb")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                open_and_run(page, address, "live.ipynb")
                page.wait_for_selector(".bpcourse .caption")
                page.get_by_label("Epochs per picture").select_option("fast")
                page.evaluate(COUNT)
                bare, watched, pictures = [], [], []
                for _ in range(ROUNDS):
                    bare.append(ask(page, f"bare_epochs({TURN})") / TURN)
                    rate, shown = watch(page)
                    watched.append(rate)
                    pictures.append(shown)
                browser.close()
        slower = 1 - statistics.median(seen / alone for seen, alone in zip(watched, bare, strict=True))
        print(
            f"{title:28}{statistics.median(bare):10.0f} / s{statistics.median(watched):10.0f} / s{slower:10.0%} "
            f"{statistics.median(pictures):9.1f} / s"
        )


if __name__ == "__main__":
    main()
