"""The ten lessons in the site's JupyterLite: from the link on a lesson's page to the last cell, and the explorers.

`nox -s lite` builds the site and runs these tests. They need Pyodide: a folder that BPCOURSE_PYODIDE names, or the
network. With the folder, a request to any other address is a failure. Without it, only Pyodide's server is allowed.
"""

import copy
import json
import re
import statistics
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "lessons").glob("[0-9]*.ipynb"))
PYODIDE = "https://cdn.jsdelivr.net/pyodide/"
MINUTES = 10  # for all cells of a lesson; a slow machine and a slow network need most of the time for the first cell
KEYS = 11
CALL = re.compile(r"\bexplore\w*\(")

WIDGET = "application/vnd.jupyter.widget-view+json"
OPEN = """async () => {
    await jupyterapp.restored;
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    window.answered = {};
    for (const cell of panel.content.model.cells)
        if (cell.type === "code") cell.stateChanged.connect((_, change) => {
            if (change.name === "executionCount" && change.newValue) answered[cell.id] = Date.now() / 1000;
        });
    window.finished = false;
    jupyterapp.commands.execute("notebook:run-all-cells").then(() => { window.finished = true; });
}"""
CELLS = "() => jupyterapp.shell.currentWidget.content.model.toJSON().cells"
SHOW = """async at => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = at;
    await notebook.scrollToItem(at, "start");
    notebook.widgets[at].node.setAttribute("data-tested", at);
}"""
# The time from a key to the next frame after the answer. An explorer is idle when it has no message under way.
WATCH = """root => {
    root.milliseconds = null;
    root.addEventListener("keydown", () => {
        const start = performance.now();
        const look = () => {
            if (root.dataset.state !== "idle") return;
            observer.disconnect();
            requestAnimationFrame(() => { root.milliseconds = performance.now() - start; });
        };
        const observer = new MutationObserver(look);
        observer.observe(root, { attributes: true, attributeFilter: ["data-state"] });
    }, { capture: true, once: true });
}"""
PICTURE = "root => [...root.querySelectorAll('.picture, .beside')].map(each => each.innerHTML).join()"


def outputs(cell):
    """Return the outputs of a cell as pairs of a kind and a text. Of a PNG picture, only its presence counts."""
    shown = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            if not shown or shown[-1][0] != output["name"]:
                shown.append((output["name"], ""))
            shown[-1] = (output["name"], shown[-1][1] + "".join(output["text"]))
        elif output["output_type"] == "error":
            shown.append(("error", f"{output['ename']}: {output['evalue']}"))
        else:
            for kind in sorted(output["data"].keys() - {WIDGET}):
                text = "".join(output["data"][kind])
                text = (
                    "" if kind == "image/png" else re.sub(r"data:image/png;base64,[\w+/=\s]+", "data:image/png", text)
                )
                shown.append((kind, text))
    return shown


def compare(expected, seen):
    """Return a line for each code cell of `expected` that is missing in `seen` or shows something different."""
    found, lines = {cell["id"]: cell for cell in seen}, []
    for cell in expected:
        if cell["cell_type"] != "code":
            continue
        if cell["id"] not in found:
            lines.append(f"{cell['id']} is missing")
            continue
        ours, theirs = outputs(cell), outputs(found[cell["id"]])
        if ours == theirs:
            continue
        if [kind for kind, _ in ours] != [kind for kind, _ in theirs]:
            extra = [f"{kind}: {text[:200]}" for kind, text in theirs if kind in ("stderr", "error")]
            lines.append(f"{cell['id']} shows {[kind for kind, _ in theirs]}, not {[kind for kind, _ in ours]} {extra}")
            continue
        for (kind, one), (_, other) in zip(ours, theirs, strict=True):
            if one != other:
                pairs = enumerate(zip(one, other, strict=False))
                at = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
                part = slice(max(0, at - 20), at + 20)
                lines.append(f"{cell['id']} {kind} shows {other[part]!r}, not {one[part]!r}")
    return lines


def cells_of(lesson):
    return json.loads(lesson.read_text(encoding="utf-8"))["cells"]


def code(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


def results(cell):
    return [output["data"] for output in cell.get("outputs", []) if "data" in output]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_compare__finds_a_change_in_any_cell(lesson):
    committed = cells_of(lesson)
    assert compare(committed, committed) == []
    for at, cell in enumerate(committed):
        if not cell.get("outputs"):
            continue
        changed = copy.deepcopy(committed)
        output = changed[at]["outputs"][-1]
        if "text" in output:
            output["text"] = re.sub(r"\w", "~", "".join(output["text"]), count=1)
        else:
            output["data"]["text/plain"] = "".join(output["data"]["text/plain"]) + "."
        (line,) = compare(committed, changed)
        assert line.startswith(cell["id"])


def cell_with(*results):
    return {"id": "one", "cell_type": "code", "outputs": list(results)}


def printed(*texts, name="stdout"):
    return [{"output_type": "stream", "name": name, "text": text} for text in texts]


def result(**data):
    kinds = {"png": "image/png", "html": "text/html", "plain": "text/plain", "svg": "image/svg+xml"}
    return {"output_type": "execute_result", "execution_count": 3, "data": {kinds[each]: data[each] for each in data}}


def test_compare__says_what_differs():
    loss = cell_with(*printed("the loss is 0.1234 now"))
    assert compare([loss], [cell_with(*printed("the loss is 0.1235 now"))]) == [
        "one stdout shows 'the loss is 0.1235 now', not 'the loss is 0.1234 now'"
    ]
    assert compare([loss], []) == ["one is missing"]
    assert compare([loss], [cell_with()]) == ["one shows [], not ['stdout'] []"]
    warned = cell_with(*printed("the loss is 0.1234 now"), *printed("slow", name="stderr"))
    assert compare([loss], [warned]) == ["one shows ['stdout', 'stderr'], not ['stdout'] ['stderr: slow']"]
    failed = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    assert compare([cell_with()], [cell_with(failed)]) == ["one shows ['error'], not [] ['error: ValueError: no']"]


def test_compare__every_character_counts_except_in_png_pictures():
    picture = '<img src="data:image/png;base64,{}" alt="{}">'.format
    assert compare([cell_with(result(png="AB=="))], [cell_with(result(png=["CD", "=="]))]) == []
    assert compare([cell_with(result(png="AB=="))], [cell_with(result(plain="AB=="))]) != []
    first, second = result(html=picture("AB==", "a")), result(html=picture("CD==", "a"))
    assert compare([cell_with(first)], [cell_with(second)]) == []
    assert compare([cell_with(first)], [cell_with(result(html=picture("AB==", "b")))]) != []
    assert compare([cell_with(result(svg="<svg>1</svg>"))], [cell_with(result(svg="<svg>2</svg>"))]) != []
    assert compare([cell_with(*printed("a\nb"))], [cell_with(*printed("a\n", "b"))]) == []
    assert compare([cell_with(*printed("a"))], [cell_with(*printed("a\n"))]) != []


@pytest.fixture(scope="module")
def allowed(site):
    """The addresses outside the site that a lesson may ask for."""
    settings = json.loads((site / "lite" / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    kernel = settings["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    if kernel.get("pyodideUrl", PYODIDE).startswith("./static/pyodide/"):
        return ()
    try:
        urllib.request.urlopen(PYODIDE, timeout=30).close()
    except urllib.error.HTTPError as answer:
        answer.close()  # it has no page at this address, but it answers
    except OSError as error:
        pytest.fail(
            f"The site has no Pyodide, and {PYODIDE} does not answer ({error}). Build it with BPCOURSE_PYODIDE."
        )
    return (PYODIDE,)


@pytest.fixture
def service_workers():
    return "allow"  # as in a reader's browser


@pytest.fixture
def page(page):
    """A page in which JupyterLite shows its application to scripts, as `jupyter lab --expose-app-in-browser` does."""

    def answer(route):
        response = route.fetch()
        settings = response.json()
        settings["jupyter-config-data"]["exposeAppInBrowser"] = True
        route.fulfill(response=response, json=settings)

    page.context.route(re.compile(r"/lite/jupyter-lite\.json"), answer)
    return page


def test_outside__requests_of_pages_and_workers_are_found(page, outside):
    page.goto("/index.html")
    page.evaluate("fetch('https://example.org/page').catch(() => {})")
    page.evaluate("""new Promise(done => {
        const code = "fetch('https://example.org/worker').catch(() => {}).then(() => postMessage(1))";
        new Worker(URL.createObjectURL(new Blob([code]))).onmessage = done;
    })""")
    assert sorted(outside) == ["https://example.org/page", "https://example.org/worker"]


def move(page, at):
    """Answer the question of an explorer and press arrow keys. Return the milliseconds to the picture of each key."""
    page.evaluate(SHOW, at)
    root = page.locator(f"[data-tested='{at}'] .bpcourse")
    root.locator(".picture svg").first.wait_for()
    question = root.locator("form.predict")
    if question.is_visible():
        question.get_by_role("button", name="up").click()
        root.locator("fieldset:not([disabled])").wait_for()
    sliders = root.locator("input[type=range]")
    if sliders.count() > 1:  # the learning rate changes the picture only at the next step
        sliders = root.locator("input[type=range]:not([data-name=learning_rate])")
    slider = sliders.first
    slider.evaluate("slider => { slider.closest('details').open = true; slider.focus(); }")
    for _ in range(2 if slider.evaluate("slider => slider.min === slider.max") else 0):  # it shows earlier epochs
        root.get_by_role("button", name="One epoch").click()
        page.wait_for_function("root => root.dataset.state === 'idle'", arg=root.element_handle())
    slider.focus()
    keys = ("ArrowRight", "ArrowLeft")
    if slider.evaluate("slider => slider.value === slider.max"):
        keys = keys[::-1]
    before, times = root.evaluate(PICTURE), []
    for number in range(KEYS):
        root.evaluate(WATCH)
        page.keyboard.press(keys[number % 2])
        page.wait_for_function("root => root.milliseconds", arg=root.element_handle(), polling=10)
        times.append(root.evaluate("root => root.milliseconds"))
        after = root.evaluate(PICTURE)
        assert (after != before) is True, f"the picture did not change at key {number + 1}"  # without printing it
        before = after
        assert root.locator("[role=alert]").all_text_contents() == [""]
    return times


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson__runs_from_its_page_and_shows_the_committed_outputs(lesson, page, outside, served, capsys):
    page.goto(f"/lessons/{lesson.stem}.html")
    served.clear()
    start = time.time()
    page.get_by_role("link", name="Run this lesson in your browser").click()
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.model")
    page.evaluate(f"() => {{ ({OPEN})(); }}")  # it does not wait, so that a kernel that never starts is a failure
    page.wait_for_function("window.finished", timeout=MINUTES * 60_000)
    size = sum(served) / 1e6
    seen, committed, answered = page.evaluate(CELLS), cells_of(lesson), page.evaluate("answered")
    assert outputs(code(seen)[0]) == []  # the cell that installs the course
    assert compare(committed, seen) == []
    assert [cell["id"] for cell in code(seen) if not cell["execution_count"]] == []

    explorers = {at: cell["id"] for at, cell in enumerate(seen) if any(WIDGET in data for data in results(cell))}
    calls = [cell["id"] for cell in code(committed) if CALL.search("".join(cell["source"])) and results(cell)]
    assert calls == [*explorers.values()] != []
    medians = {name: round(statistics.median(move(page, at))) for at, name in explorers.items()}
    assert outside == []

    first = answered[code(committed)[0]["id"]] - start
    with capsys.disabled():
        print(
            f"\n{lesson.stem}: {len(code(committed))} cells, all outputs equal; {first:.1f} s to the first answer, "
            f"{max(answered.values()) - start:.1f} s to the last, {size:.1f} MB from the site; "
            + ", ".join(f"{name} {median} ms" for name, median in medians.items()),
            flush=True,
        )
