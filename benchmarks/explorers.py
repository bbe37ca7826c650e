"""Print the time from a key press to the painted picture, for an explorer and for `interact` with matplotlib.

    python benchmarks/explorers.py

Both are in one notebook, in one JupyterLab and one Chromium, and take turns: 40 key presses each, then a drag of
three seconds each. The aims are a median of at most 45 ms, at least 2.5 times faster than `interact`, and less than
3 ms of work in the kernel.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import timeit
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

from bpcourse import EXAMPLES, explore
from bpcourse.lab.browser import find_browser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.support import jupyterlab, open_and_run

PRESSES, ROUNDS, DRAG = 40, 4, 3.0  # key presses of each, number of turns, seconds of a drag
OURS = """
from bpcourse import EXAMPLES, explore
lecture = EXAMPLES["lecture"]
explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)
"""
# The same network, values and gradients, drawn with matplotlib.
THEIRS = """
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from bpcourse import EXAMPLES, backprop
from bpcourse.engine.entries import replaced
lecture = EXAMPLES["lecture"]

def picture(w):
    trace = backprop(replaced(lecture.network, {"W1[1,1]": w}), lecture.x, lecture.y)
    fig, ax = plt.subplots(figsize=(8.6, 3.5))
    for layer in (1, 2):
        for i in range(2):
            for j in range(2):
                ax.plot([2 * layer - 2, 2 * layer], [-i, -j], color="C0" if trace[f"dW{layer}"][i, j] < 0 else "C1")
                ax.text(2 * layer - 1.4, -i + (i - j) * 0.3, f"w = {trace[f'W{layer}'][i, j]:.4g}\\n"
                        f"dw = {trace[f'dW{layer}'][i, j]:+.4g}", ha="center", bbox={"facecolor": "white"})
        for j in range(2):
            ax.text(2 * layer, -j, f"z = {trace[f'z{layer}'][0, j]:.4g}\\na = {trace[f'a{layer}'][0, j]:.4g}\\n"
                    f"dz = {trace[f'dz{layer}'][0, j]:+.4g}", ha="center", bbox={"facecolor": "white"})
    ax.set_title(f"loss {trace.loss:.4g}")
    ax.axis("off")
    plt.show()

interact(picture, w=FloatSlider(0.5, min=-5, max=5, step=0.01))
"""
PEERS = {  # the control to press, and the element to watch
    "bpcourse": (".bpcourse .picture [data-control='W1[1,1]']", ".bpcourse .picture"),
    "interact": (".widget-slider .noUi-handle", ".widget-output"),
}
WATCH = """selector => {
    const key = { at: 0, painted: [], shown: null };
    const node = document.querySelector(selector);
    const paint = () => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => key.painted.push(performance.now());
        channel.port2.postMessage(0);
    });
    new MutationObserver(async () => {
        const image = node.querySelector("img");
        if (image) await image.decode().catch(() => {});
        paint();
    }).observe(node, { childList: true, subtree: true, attributes: true });
    addEventListener("keydown", event => { key.at = performance.now(); key.painted.length = 0; }, true);
    addEventListener("pointerup", event => { key.at = performance.now(); }, true);
    window.watched = { ...window.watched, [selector]: key };
}"""


def press(page: Page, peer: str, count: int) -> list[float]:
    """Press an arrow key `count` times, and return the milliseconds until each picture was painted."""
    control, watched = PEERS[peer]
    page.locator(control).first.focus()
    times = []
    for _ in range(count):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("s => watched[s].painted.length > 0", arg=watched)
        page.wait_for_timeout(150)  # also for a picture that arrives in two parts
        times.append(page.evaluate("s => Math.max(...watched[s].painted) - watched[s].at", watched))
    return times


def drag(page: Page, peer: str) -> tuple[int, float]:
    """Drag for three seconds, and return the number of painted pictures and the delay of the last one, in ms."""
    control, watched = PEERS[peer]
    handle = page.locator(control).first
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box() or {}
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate("s => watched[s].painted.length = 0", watched)
    start = time.monotonic()
    while (passed := time.monotonic() - start) < DRAG:
        page.mouse.move(middle[0] + 40 * passed / DRAG, middle[1])
        page.wait_for_timeout(16)
    page.mouse.up()
    page.wait_for_timeout(2500)
    return tuple(
        page.evaluate("s => [watched[s].painted.length, Math.max(...watched[s].painted) - watched[s].at]", watched)
    )


def kernel_work() -> float:
    """Return the milliseconds that one move takes in the kernel: values, diagram, worked chain and loss."""
    lecture = EXAMPLES["lecture"]
    explorer = explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)
    explorer.set({"explain": "dW1[1,2]"})
    values = iter(0.001 * count for count in range(10_000))

    def move() -> None:
        explorer._receive(None, {"do": "set", "name": "W1[1,1]", "value": next(values), "again": True}, [])

    return min(timeit.repeat(move, number=100, repeat=5)) * 10


def main() -> None:
    """Measure both in turns and print a table."""
    print(f"in the kernel, with a worked chain: {kernel_work():.2f} ms a move; aim: less than 3")
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), "--expose-app-in-browser") as address:
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else JupyterLab asks which
        lesson = new_notebook(metadata=kernel, cells=[new_code_cell(OURS.strip()), new_code_cell(THEIRS.strip())])
        nbformat.write(lesson, Path(folder) / "both.ipynb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            received = {"bytes": 0}
            page.on("websocket", lambda socket: socket.on("framereceived", lambda data: _count(received, data)))
            open_and_run(page, address, "both.ipynb")
            times: dict[str, list[float]] = {peer: [] for peer in PEERS}
            sizes: dict[str, int] = dict.fromkeys(PEERS, 0)
            for peer, (control, watched) in PEERS.items():
                page.wait_for_selector(control)
                page.evaluate(WATCH, watched)
                press(page, peer, 3)  # warm up
            for _ in range(ROUNDS):
                for peer in PEERS:
                    received["bytes"] = 0
                    times[peer] += press(page, peer, PRESSES // ROUNDS)
                    sizes[peer] += received["bytes"]
            drags = {peer: drag(page, peer) for peer in PEERS}
            browser.close()
    print(f"{'':12}{'median':>9}{'p90':>9}{'bytes':>9}{'drag':>14}{'last value':>13}")
    for peer, taken in times.items():
        ordered = sorted(taken)
        p90, (pictures, late) = ordered[int(0.9 * len(ordered))], drags[peer]
        print(
            f"{peer:12}{statistics.median(taken):6.1f} ms{p90:6.1f} ms{sizes[peer] // PRESSES:9}"
            f"{pictures:5} pictures{max(late, 0):10.0f} ms"
        )
    ratio = statistics.median(times["interact"]) / statistics.median(times["bpcourse"])
    print(f"{ratio:.2f} times as fast as interact; aim: at least 2.5")


def _count(received: dict[str, int], data: str | bytes) -> None:
    received["bytes"] += len(data)


if __name__ == "__main__":
    main()
