"""In a real Chromium: explorers by mouse and keyboard. The page is compared with the numbers in Python."""

import json
import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers.support import open_and_run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CELLS = {
    "network": "e = explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)\ne",
    "activation": "e = explore_activation('sigmoid')\ne",
    "losses": "e = explore_loss()\ne",
    "surface": "e = explore_surface(lecture.network, lecture.x, lecture.y, learning_rate=4)\ne",
    "boundary": "e = explore_boundary(plane, [[-1, 0], [1, 0.5], [0, 1]], [[0], [1], [1]])\ne",
    "image": "e = explore_image(pixels, [[0, 1], [0.5, 0], [1, 1]])\ne",
    "large": "e = explore(large, [0.1, 0.2, 0.3, 0.4], [1.0])\ne",
    "live": "m = datasets.moons()\ne = explore_live(plane, m.x, m.y)\ne",
    "training": "e = explore_training()\ne",
    "asked": "e = asked\ne",
    "predict": "e = explore(lecture.network, lecture.x, lecture.y, predict='Does the loss go up or down?')\ne",
}
SETUP = """
import json
from bpcourse import EXAMPLES, Dense, Network, datasets, draw, explore_image, explore_live
from bpcourse import explore, explore_activation, explore_boundary, explore_loss, explore_surface, explore_training
lecture = EXAMPLES["lecture"]
pixels = Network([Dense([[1.0, -1.0], [0.5, 0.2], [0, 1], [1, 0], [-1, 1], [0.3, 0]], [0.0, 0.1], "softmax")])
large = Network([Dense([[0.1, -0.2, 0.3, 0.4, 0.5]] * 4, [0.0] * 5, "tanh"), Dense([[0.5]] * 5, [0.0], "sigmoid")])
plane = Network([Dense([[1.0, 0.5], [0.5, -1.0]], [0.0, 0.1], "tanh"), Dense([[1.0], [-1.0]], [0.0], "sigmoid")])
"""
EXECUTE = """async code => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    let printed = "";
    const future = kernel.requestExecute({ code });
    future.onIOPub = message => {
        if (message.header.msg_type === "stream") printed += message.content.text;
        if (message.header.msg_type === "error") printed += message.content.traceback.join("");
    };
    await future.done;
    return printed;
}"""
SHOWN = """() => {
    const root = document.querySelector(".bpcourse");
    const by = (selector, get) => Object.fromEntries(
        [...root.querySelectorAll(selector)].map(each => [each.dataset.name, get(each)]));
    return {
        ranges: by("input[type=range]", each => Number(each.value)),
        fields: by("input[type=text][data-name]", each => each.value),
        heard: by("input[type=range]", each => each.getAttribute("aria-valuetext")),
        choices: by("select", each => each.value),
        texts: [...root.querySelectorAll(".picture text")].map(each => each.textContent),
        words: root.querySelector(".picture title").textContent,
        caption: root.querySelector(".caption").textContent,
        beside: root.querySelector(".beside title")?.textContent ?? "",
    };
}"""
# The content that the page must show, by Python. It reads the scene, not the messages.
EXPECTED = """
import re
from bpcourse.numbers import format_given
view, values = e._seen(), e.scene.values
controls = {each["name"]: each for group in e.page["groups"] for each in group["controls"]}
numbers = {name: values[name] for name in controls}
plain = lambda html: re.sub("<[^>]+>", "", html).replace("&#x27;", "'")
ends = {name: e._controls[name] for name in numbers}
print(json.dumps({
    "fields": {name: format_given(value, 5) for name, value in numbers.items()},
    "heard": {name: f"{format_given(value, 5)}, {view.said}" for name, value in numbers.items()},
    "choices": {each["name"]: values[each["name"]] for each in e.page["choices"]},
    "texts": re.findall("<text[^>]*>([^<]*)</text>", view.picture.svg),
    "words": view.picture.words,
    "caption": plain(view.caption),
    "beside": view.beside.words if view.beside else "",
    "ranges": {name: min(max(value, ends[name].low), ends[name].high) for name, value in numbers.items()},
    "units": {name: controls[name]["unit"] for name in numbers},
}))
"""
IDLE = "() => document.querySelector('.bpcourse').dataset.state === 'idle'"


def python(page, code):
    """Run code in the notebook's kernel and return what it prints."""
    return page.evaluate(EXECUTE, code)


def settled(page):
    """Wait until every message has been answered."""
    page.wait_for_function(IDLE)
    page.evaluate("() => new Promise(requestAnimationFrame)")


def agrees(page):
    """Assert that the page shows what Python computed: every field, slider, choice, text of the picture and caption."""
    settled(page)
    shown, expected = page.evaluate(SHOWN), json.loads(python(page, EXPECTED))
    for name, value in expected.pop("ranges").items():
        assert abs(shown["ranges"][name] - value) <= expected["units"][name] / 2 + 1e-9, name
    for part in expected.keys() - {"units"}:
        assert shown[part] == expected[part], part


@pytest.fixture
def lab(server, folder, page):
    """Return a function that opens a notebook with one explorer, and its page."""

    def open_(kind, before=""):
        path = folder / f"{kind}-{len(list(folder.iterdir()))}.ipynb"  # a new notebook has its own kernel
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        cells = [new_markdown_cell("# A section"), new_code_cell(SETUP.strip() + before), new_code_cell(CELLS[kind])]
        nbformat.write(new_notebook(metadata=kernel, cells=[*cells, new_markdown_cell("## The next")]), path)
        open_and_run(page, server, path.name)
        page.wait_for_selector(".bpcourse .picture svg")
        settled(page)
        page.locator(".bpcourse .groups details").evaluate_all("folds => folds.forEach(fold => { fold.open = true; })")
        page.notebook = path
        return page

    return open_


def slider(page, name):
    return page.locator(f".bpcourse input[type=range][data-name='{name}']")


def field(page, name):
    return page.locator(f".bpcourse input[type=text][data-name='{name}']")


def press(page, label):
    page.locator(".bpcourse").get_by_role("button", name=label, exact=True).click()


def value(page, name):
    return json.loads(python(page, f"print(json.dumps(e.value[{name!r}]))"))


# "large" is an explorer of a network, too, and higher than the window: axe-core skips the contrast of what is hidden.
@pytest.mark.parametrize("kind", [kind for kind in CELLS if kind not in ("asked", "large")])
def test_explorer__agrees_with_python_is_accessible_and_fits(kind, lab):
    page = lab(kind)
    agrees(page)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in theme)
        assert violations(page) == []
    if kind == "predict":
        page.locator(".bpcourse .predict input").fill("up")
        page.keyboard.press("Enter")
        settled(page)
    for name in page.evaluate(VISIBLE_SLIDERS)[:3]:
        slider(page, name).press("ArrowLeft")
        agrees(page)
    for label in page.locator(".bpcourse .bar button").all_inner_texts():
        if label not in ("Run", "▶ Train"):
            press(page, label)
            agrees(page)
    page.set_viewport_size({"width": 640, "height": 400})  # what 1280 × 800 is at 200 %
    page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(300)
    assert page.evaluate(CUT_OFF) == []


VISIBLE_SLIDERS = """() => [...document.querySelectorAll(".bpcourse input[type=range]")]
    .filter(each => each.checkVisibility()).map(each => each.dataset.name)"""
CUT_OFF = """() => {
    const root = document.querySelector(".bpcourse"), right = root.getBoundingClientRect().right;
    const area = root.closest(".jp-OutputArea-output").getBoundingClientRect().right;
    return [...root.querySelectorAll("button, select, input, label, p, summary")].filter(each =>
        each.checkVisibility() && each.getBoundingClientRect().right > Math.min(right, area) + 1
    ).map(each => each.outerHTML.slice(0, 80));
}"""


def test_cut_off__is_found(lab):
    page = lab("activation")
    assert page.evaluate(CUT_OFF) == []
    add_style(page, ".bpcourse .control { width: 3000px }")
    assert page.evaluate(CUT_OFF) != []


def add_style(page, rules):
    """Add a style that ends with the explorer."""
    page.locator(".bpcourse").evaluate(
        "(each, rules) => { each.append(document.createElement('style')); each.lastChild.textContent = rules; }", rules
    )


def violations(page):
    """Return the violations that axe-core finds of WCAG 2.1 A and AA in the explorer."""
    levels = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    # If the body has no height, axe considers all of JupyterLab hidden, and tests no contrast.
    add_style(page, "body { height: 100vh }")
    page.locator(".bpcourse").evaluate("each => each.scrollIntoView()")  # nor does it test what is out of sight
    found = Axe().run(page, context=".bpcourse", options=levels).response
    tested = {each["id"] for each in found["passes"] + found["violations"]}
    assert "label" in tested
    assert "color-contrast" in tested or page.locator(".bpcourse fieldset:disabled").count()
    return [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]


def test_violations__are_found(lab):
    page = lab("activation")
    page.evaluate("() => document.querySelector('.bpcourse .control label').remove()")
    add_style(page, ".bpcourse .caption { background: #888; color: #777; }")
    found = " ".join(violations(page))
    assert 'label: <input type="range"' in found
    assert "color-contrast" in found


def test_slider__arrow_keys_move_nothing_else(lab):
    page = lab("network")
    slider(page, "W1[1,2]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    agrees(page)
    assert value(page, "W1[1,2]") == -0.71
    press(page, "Undo")  # all presses of the key were one move
    agrees(page)
    assert value(page, "W1[1,2]") == -0.75
    slider(page, "W1[1,2]").focus()
    page.keyboard.press("Home")
    agrees(page)
    assert value(page, "W1[1,2]") == -5
    for name in ("ArrowUp", "ArrowDown", "PageUp"):
        page.keyboard.press(name)
    agrees(page)
    assert page.locator(".jp-collapseHeadingButton.jp-mod-collapsed, .jp-MarkdownHeadingCollapsed").count() == 0
    assert page.locator(".jp-Notebook .jp-Cell:visible").count() == 4
    assert page.evaluate("() => document.activeElement.dataset.name") == "W1[1,2]"


def test_slider__drag_ends_at_the_mouse_without_flicker(lab):
    page = lab("network")
    page.evaluate("""() => {
        window.empty = window.frame = 0;
        const look = () => {
            empty += document.querySelectorAll(".bpcourse .picture svg text").length < 20;
            frame = requestAnimationFrame(look);
        };
        look();
    }""")
    for name in ("W1[1,1]", "W2[2,2]", "b1[2]", "learning_rate"):
        handle, before = slider(page, name), value(page, name)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=40)
        page.mouse.up()
        agrees(page)
        assert value(page, name) == pytest.approx(float(handle.input_value()))
        assert value(page, name) > before
        press(page, "Undo")  # a drag is one move
        agrees(page)
        assert value(page, name) == before
    assert page.evaluate("() => { cancelAnimationFrame(frame); return empty; }") == 0


def test_sliders__moved_while_the_kernel_is_busy_keep_their_last_values(lab):
    page = lab("network")
    busy = "code => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }); }"
    page.evaluate(busy, "import time\ntime.sleep(2)")
    moves = ("W1[1,1]", "W1[1,2]", "W1[1,2]", "b1[1]")
    before = page.evaluate(SHOWN)["ranges"]
    for name in moves:
        slider(page, name).press("ArrowRight")
    agrees(page)
    for name in moves:
        assert value(page, name) == pytest.approx(before[name] + 0.01 * moves.count(name))


def test_field__wrong_number_gets_a_message_and_stays(lab):
    page = lab("network")
    field(page, "W2[1,1]").fill("1/4")
    field(page, "W2[1,1]").press("Enter")
    agrees(page)
    assert value(page, "W2[1,1]") == 0.25
    for text, words in (
        ("abc", "needed one number"),
        ("nan", "needed one number"),
        ("5e3", "must lie between −1000 and"),
    ):
        field(page, "W2[1,1]").fill(text)
        field(page, "W2[1,1]").press("Enter")
        settled(page)
        assert words in page.locator(".bpcourse [role=alert]").inner_text()
        assert field(page, "W2[1,1]").input_value() == text
        assert field(page, "W2[1,1]").get_attribute("aria-invalid") == "true"
        assert value(page, "W2[1,1]") == 0.25
    field(page, "W2[1,1]").fill("−0,5")
    field(page, "W2[1,1]").press("Enter")
    agrees(page)
    assert value(page, "W2[1,1]") == -0.5
    assert page.locator(".bpcourse [role=alert]").inner_text() == ""


def number(page, name):
    """Return a number in the picture."""
    return page.locator(f".bpcourse .picture [data-control='{name}']")


def focused(page):
    return page.evaluate("() => document.activeElement.dataset.control ?? document.activeElement.dataset.name")


def test_number_in_the_picture__arrow_keys_move_it(lab):
    page = lab("network")
    number(page, "W1[1,2]").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "PageUp"):
        page.keyboard.press(key)
        settled(page)  # between two keys, the picture is replaced
    agrees(page)
    assert value(page, "W1[1,2]") == pytest.approx(-0.64)
    assert focused(page) == "W1[1,2]"  # the picture is new, and the focus is where it was
    assert number(page, "W1[1,2]").get_attribute("aria-valuenow") == "-0.64"
    press(page, "Undo")  # all keys were one move
    agrees(page)
    assert value(page, "W1[1,2]") == -0.75


def test_number_in_the_picture__is_dragged(lab):
    page = lab("network")
    for name in ("W2[1,2]", "b1[1]", "x[2]"):
        before, box = value(page, name), number(page, name).bounding_box()
        page.mouse.move(box["x"] + 4, box["y"] + 4)
        page.mouse.down()
        page.mouse.move(box["x"] + 34, box["y"] + 4, steps=10)
        page.mouse.up()
        agrees(page)
        assert value(page, name) == pytest.approx(before + 0.3)
        press(page, "Undo")
        agrees(page)
        assert value(page, name) == before
    assert page.locator(".bpcourse .card").is_hidden()
    assert page.locator(".bpcourse .solution").is_hidden()  # a drag is not a click on the line


def test_number_in_the_picture__opens_its_slider_and_field_beside_it(lab):
    page = lab("network")
    number(page, "W2[2,1]").click()
    card = page.locator(".bpcourse .card")
    assert card.is_visible()
    assert focused(page) == "W2[2,1]"
    at, under = number(page, "W2[2,1]").bounding_box(), card.bounding_box()
    assert 0 < under["y"] - at["y"] < 60
    field(page, "W2[2,1]").fill("1/3")
    field(page, "W2[2,1]").press("Enter")
    agrees(page)
    assert value(page, "W2[2,1]") == pytest.approx(1 / 3)
    page.keyboard.press("Escape")
    assert card.is_hidden()
    assert page.evaluate("() => document.activeElement.dataset.control") == "W2[2,1]"
    page.keyboard.press("Enter")
    assert card.is_visible()
    assert slider(page, "W2[2,1]").count() == 1  # the same slider as among all numbers
    assert violations(page) == []


IN_VIEW = """name => {
    const root = document.querySelector(".bpcourse"), notebook = root.closest(".jp-WindowedPanel-outer, .jp-Notebook");
    const view = notebook.getBoundingClientRect();
    const parts = { picture: ".picture svg", card: ".card", loss: ".picture [data-name=loss]", said: ".message" };
    return Object.entries(parts).filter(([, selector]) => {
        const box = root.querySelector(selector).getBoundingClientRect();
        return box.height && (box.top < view.top - 1 || box.bottom > view.bottom + 1 || box.right > view.right + 1);
    }).map(([part]) => part);
}"""
SIZES = {"2-2-2": [2, 2, 2], "2-3-2": [2, 3, 2], "3-4-3": [3, 4, 3]}


@pytest.mark.parametrize("sizes", SIZES)
def test_explorer__picture_number_loss_and_prediction_are_in_view_together(sizes, lab):
    page = lab(
        "asked",
        f"""
import numpy as np
sizes = {SIZES[sizes]}
net = Network.initialize(sizes, ["tanh", "sigmoid"], np.random.default_rng(1))
question = "Raise W1[1,1]. Does dW1[1,1] go up or down?"
asked = explore(net, np.full(sizes[0], 0.4), np.full(sizes[-1], 0.2), predict=question)
""",
    )
    page.locator(".bpcourse .predict button", has_text="up").click()
    settled(page)
    page.locator(".bpcourse").evaluate("each => each.scrollIntoView()")
    page.wait_for_timeout(300)
    number(page, "W1[1,1]").click()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert page.locator(".bpcourse > .message").inner_text()[0] in "✓✗"
    assert page.evaluate(IN_VIEW) == []
    assert page.evaluate(SMALLEST_TEXT) >= 11.98  # pixels; in pictures that are shrunk, never below 10
    page.set_viewport_size({"width": 800, "height": 800})
    page.wait_for_timeout(300)
    assert page.evaluate(SMALLEST_TEXT) >= 10 or page.evaluate(SCROLLS)


SMALLEST_TEXT = """() => {
    const svg = document.querySelector(".bpcourse .picture svg");
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const sizes = [...svg.querySelectorAll("text")].map(each => Number(each.getAttribute("font-size") ?? 12));
    return scale * Math.min(...sizes);
}"""


SCROLLS = """() => {
    const picture = document.querySelector(".bpcourse .picture");
    return picture.scrollWidth > picture.clientWidth;
}"""


def test_explorer__nothing_shifts_while_it_is_stepped_and_moved(lab):
    page = lab("network")
    page.evaluate("""() => {
        window.shift = 0;
        new PerformanceObserver(list => list.getEntries().forEach(each => { shift += each.value; }))
            .observe({ type: "layout-shift", buffered: false });
    }""")
    for _ in range(6):
        press(page, "Step ▶")
        settled(page)
    number(page, "W1[1,1]").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    settled(page)
    assert page.evaluate("shift") < 0.01


DRAWN = {"activation": "z", "losses": "y_hat", "surface": "W1[1,1]", "boundary": "probe_1", "image": "x[1]"}


@pytest.mark.parametrize("kind", DRAWN)
def test_chart__point_follows_the_mouse(kind, lab):
    page = lab(kind)
    before = json.loads(python(page, "print(json.dumps(e.scene.values))"))
    box = page.locator(".bpcourse [data-touch]").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 5, steps=6)
    page.mouse.up()
    agrees(page)
    assert value(page, DRAWN[kind]) != before[DRAWN[kind]]
    assert page.evaluate("() => getSelection().toString()") == ""
    if kind == "boundary":  # a probe is only looked at
        return
    press(page, "Undo")  # takes back the whole drag
    agrees(page)
    assert json.loads(python(page, "print(json.dumps(e.scene.values))")) == before


def test_chart__click_lands_where_the_mouse_is(lab):
    page = lab("boundary")
    box = page.locator(".bpcourse [data-touch]").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"])
    agrees(page)
    dot = page.locator(".bpcourse .picture circle").last.bounding_box()
    assert dot["x"] + dot["width"] / 2 == pytest.approx(box["x"] + 0.8 * box["width"], abs=2)
    assert dot["y"] + dot["height"] / 2 == pytest.approx(box["y"] + 0.3 * box["height"], abs=2)


def test_fan__labels_of_the_unit_under_the_pointer_are_shown(lab):
    page = lab("large")
    labels = page.locator(".bpcourse [data-fan]:visible")
    assert labels.count() == 0
    page.locator(".bpcourse [data-unit='a1[2]'] text").first.hover()
    assert labels.count() == 4
    assert {each.get_attribute("data-fan") for each in labels.all()} == {f"1 {unit} 2" for unit in range(1, 5)}
    page.locator(".bpcourse [data-unit='x[3]'] text").first.hover()
    assert {each.get_attribute("data-fan") for each in labels.all()} == {f"1 3 {unit}" for unit in range(1, 6)}
    page.locator(".bpcourse .caption").hover()
    page.locator(".bpcourse .picture").hover(position={"x": 3, "y": 3})
    assert labels.count() == 0
    number(page, "x[1]").focus()
    assert labels.count() == 5


@pytest.mark.parametrize("motion, dots", [("no-preference", 2), ("reduce", 0)])
def test_step__dots_move_unless_motion_is_reduced(motion, dots, lab):
    page = lab("network")
    page.emulate_media(reduced_motion=motion)
    shown = "() => [...document.querySelectorAll('.dot')].filter(e => getComputedStyle(e).display !== 'none').length"
    press(page, "Step ▶")
    settled(page)
    assert page.evaluate(shown) == dots
    number(page, "b1[1]").press("ArrowRight")  # moving a number is not a step
    settled(page)
    assert page.evaluate(shown) == 0


def test_live__looks_back(lab):
    page = lab("live")
    for _ in range(5):
        press(page, "One epoch")
        agrees(page)
    slider(page, "epoch").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    agrees(page)
    assert "after 3 epochs" in page.locator(".bpcourse .caption").inner_text()
    page.keyboard.press("Home")
    agrees(page)
    assert "not trained yet" in page.locator(".bpcourse .caption").inner_text()
    press(page, "One epoch")
    agrees(page)
    assert "after 6 epochs" in page.locator(".bpcourse .caption").inner_text()


def test_buttons__step_update_run_undo_and_reset(lab):
    page = lab("network")
    start = value(page, "W1[1,1]")
    for count in range(1, 4):
        press(page, "Step ▶")
        agrees(page)
        assert f"step {count} of 35" in page.locator(".bpcourse .caption").inner_text()
    press(page, "◀ Step")
    agrees(page)
    assert "step 2 of 35" in page.locator(".bpcourse .caption").inner_text()
    press(page, "Update")
    agrees(page)
    after = json.loads(
        python(page, "import bpcourse\nprint(json.dumps(bpcourse.sgd_step(lecture.backprop(), 1.5).layers[0].W[0, 0]))")
    )
    assert value(page, "W1[1,1]") == after
    press(page, "Run")
    page.wait_for_function(
        "() => document.querySelector('.bpcourse .beside title').textContent.includes('last 7 moves')"
    )
    press(page, "❚❚ Pause")
    agrees(page)
    moved = value(page, "W1[1,1]")
    page.wait_for_timeout(400)
    assert value(page, "W1[1,1]") == moved  # it has stopped
    assert moved != after
    press(page, "Undo")  # takes back the whole run
    agrees(page)
    assert value(page, "W1[1,1]") == after
    press(page, "Reset")
    agrees(page)
    assert value(page, "W1[1,1]") == start


def test_explain__by_click_and_by_keyboard(lab):
    page = lab("network")
    page.locator(".bpcourse .picture g[data-name='dW1[1,2]']").click()
    settled(page)
    assert "∂L/∂w1₁₂, step by step" in page.locator(".bpcourse .solution").inner_text()
    agrees(page)
    explain = page.locator(".bpcourse select[data-name=explain]")
    explain.focus()
    page.keyboard.press("ArrowUp")
    agrees(page)
    assert "step by step" in page.locator(".bpcourse .solution").inner_text()
    slider(page, "W1[1,2]").press("ArrowRight")  # the worked solution follows
    settled(page)
    assert "w1₁₂ = −0.74" in page.locator(".bpcourse .solution").text_content()  # in a fold
    page.locator(".bpcourse select[data-name=pitfall]").select_option("dead_relu")
    agrees(page)
    assert "are now ReLUs" in page.locator(".bpcourse fieldset .message[role=status]").inner_text()


def test_explain__ends_by_a_second_click_by_a_click_beside_and_by_escape(lab):
    page = lab("network")

    def ends():
        agrees(page)
        return value(page, "explain") == ""

    gradient = page.locator(".bpcourse .picture g[data-name='dW2[1,1]'] text").last
    gradient.click()
    assert not ends()
    gradient.click()
    assert ends()
    gradient.click()
    assert not ends()
    page.locator(".bpcourse .picture svg").click(position={"x": 4, "y": 4})
    assert ends()
    gradient.click()
    assert not ends()
    number(page, "x[1]").focus()
    page.keyboard.press("Escape")
    assert ends()


def test_groups_and_table__open_by_keyboard(lab):
    page = lab("network")
    page.locator(".bpcourse .groups details").evaluate_all("folds => folds.forEach(fold => { fold.open = false; })")
    for title in ("inputs", "targets", "All values as a table"):
        page.locator(".bpcourse summary", has_text=title).focus()
        page.keyboard.press("Enter")
    settled(page)
    slider(page, "x[1]").press("ArrowRight")
    agrees(page)
    assert value(page, "x[1]") == 0.81
    assert "dL" not in page.locator(".bpcourse table").inner_text()
    rows = page.locator(".bpcourse table tbody tr").all_inner_texts()
    expected = json.loads(python(page, "print(json.dumps(['\\t'.join(row) for row in draw(e.trace).table]))"))
    assert rows == expected


def test_predict__unlocks_the_controls(lab):
    page = lab("predict")
    assert slider(page, "W1[1,1]").is_disabled()
    assert page.locator(".bpcourse button:enabled").all_inner_texts() == ["▲ up", "▬ same", "▼ down", "Predict"]
    page.get_by_label("Does the loss go up or down?").fill("<b>down</b>")
    page.keyboard.press("Enter")
    settled(page)
    assert page.evaluate("() => document.activeElement.dataset.name") == "back"  # the first control
    assert page.get_by_text("You predicted: <b>down</b>.").is_visible()
    slider(page, "W2[1,1]").press("ArrowRight")
    agrees(page)
    assert "became 0.06228: it went up." in page.get_by_text("You predicted").inner_text()


SENT = """() => {
    window.sent = 0;
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    kernel.anyMessage.connect((_, { direction, msg }) => {
        sent += direction === "send" && msg.header.msg_type === "comm_msg";
    });
}"""


def test_run__keeps_its_pace_and_pauses(lab):
    page = lab("network")
    press(page, "Run")
    for _ in range(10):
        slider(page, "W1[1,2]").press("ArrowRight")
    page.evaluate(SENT)
    page.wait_for_timeout(1000)
    assert 2 <= page.evaluate("sent") <= 11  # one each 100 ms at most
    field(page, "b1[1]").select_text()
    field(page, "b1[1]").press_sequentially("0.25", delay=60)  # a step does not overwrite what is being typed
    press(page, "❚❚ Pause")
    agrees(page)
    assert value(page, "b1[1]") == pytest.approx(0.25, abs=0.1)
    page.evaluate(SENT)
    page.wait_for_timeout(500)
    assert page.evaluate("sent") == 0
    press(page, "Run")
    press(page, "Undo")  # it pauses first
    agrees(page)
    assert page.locator(".bpcourse button[data-name=run]").inner_text() == "Run"


def test_run__ends_at_a_bug(lab):
    page = lab("network")
    python(page, "type(e.scene).pressed = lambda self, button: 1 / 0")
    press(page, "Run")
    page.wait_for_function("() => document.querySelector('.bpcourse [role=alert]').textContent !== ''")
    assert page.locator(".bpcourse button[data-name=run]").inner_text() == "Run"


def test_live__runs_pauses_and_changes_its_rate(lab):
    page = lab("live")
    page.locator(".bpcourse select[data-name=speed]").select_option("fast")
    press(page, "▶ Train")
    page.wait_for_function(
        "() => /after \\d{3,} epochs/.test(document.querySelector('.bpcourse .caption').textContent)"
    )
    press(page, "❚❚ Pause")
    agrees(page)
    epochs = int(python(page, "print(e.scene.epochs)"))
    page.wait_for_timeout(400)
    assert int(python(page, "print(e.scene.epochs)")) == epochs
    press(page, "One epoch")
    agrees(page)
    assert int(python(page, "print(e.scene.epochs)")) == epochs + 1
    field(page, "learning_rate").fill("0.2")
    field(page, "learning_rate").press("Enter")
    press(page, "▶ Train")
    page.wait_for_timeout(500)
    press(page, "❚❚ Pause")
    agrees(page)
    assert float(python(page, "print(e.scene.training.learning_rate)")) == 0.2
    press(page, "Reset")
    agrees(page)
    assert "not trained yet" in page.locator(".bpcourse .caption").inner_text()


@pytest.mark.usefixtures("leaves_jupyterlab")
def test_page__reports_a_restarted_kernel(lab):
    page = lab("network")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    slider(page, "W1[1,2]").press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.bpcourse [role=alert]').textContent !== ''")
    assert "Run the cell again" in page.locator(".bpcourse [role=alert]").inner_text()


def test_page__reports_a_bug(lab):
    page = lab("network")
    python(page, "pressed = type(e.scene).pressed\ntype(e.scene).pressed = lambda self, button: 1 / 0")
    press(page, "Update")
    settled(page)
    assert "not your fault (ZeroDivisionError" in page.locator(".bpcourse [role=alert]").inner_text()
    python(page, "type(e.scene).pressed = pressed")
    press(page, "Update")
    agrees(page)
    assert page.locator(".bpcourse [role=alert]").inner_text() == ""


COUNT = "import ipywidgets\nprint(len(ipywidgets.Widget.get_manager_state()['state']))"
COMMS = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel._comms.size"


def test_close__running_a_cell_again_leaves_no_model(lab):
    page = lab("network")
    counts = []
    for _ in range(20):
        page.evaluate("""async () => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 2;
            await jupyterapp.commands.execute("notebook:run-cell");
        }""")
        page.wait_for_selector(".bpcourse .picture svg")
        settled(page)
        counts.append((int(python(page, COUNT)), page.evaluate(COMMS), page.locator(".bpcourse").count()))
    assert len(set(counts)) == 1, counts
    assert counts[0][0] == 2  # the explorer and its layout
    agrees(page)
    python(page, "e.close()")
    page.wait_for_function("() => document.querySelector('.bpcourse') === null")
    assert int(python(page, COUNT)) == 0
    assert page.evaluate(COMMS) == counts[0][1] - 2


@pytest.mark.usefixtures("leaves_jupyterlab")
def test_saved_notebook__shows_picture_and_description_without_a_kernel(lab, server):
    page = lab("network")
    press(page, "Update")
    settled(page)
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    saved = nbformat.read(page.notebook, as_version=4)
    assert "widgets" not in saved.metadata
    assert set(saved.cells[2].outputs[0].data) == {"text/plain", "text/html"}
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.goto(f"{server}/lab/workspaces/auto-again/tree/{page.notebook.name}?reset&token=secret")
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for()
    assert "Its mse is 0.06183" in picture.get_attribute("alt")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.get_by_text("Run this cell to move the numbers.").is_visible()
    assert page.locator(".bpcourse").count() == 0


WRONG = {
    "a number in a field": ("field.value = text;", "field.value = text + '1';"),
    "the place of a slider": ("range.value = value;", "range.value = value + 1;"),
    "the picture": ("= node.shown = html;", "= node.shown = html.replace('0.06183', '0.06184');"),
    "what was moved": ("value: Number(range.value)", "value: Number(range.value) + 0.01"),
}  # fmt: skip


@pytest.mark.parametrize("planted", WRONG)
def test_agrees__finds_a_wrong_number_in_the_javascript(planted, lab):
    right, wrong = WRONG[planted]
    plant = (
        "\nfrom bpcourse.explorers.widget import Explorer"
        f"\nassert Explorer._esm.count({right!r}) == 1"
        f"\nExplorer._esm = Explorer._esm.replace({right!r}, {wrong!r})"
    )
    page = lab("network", before=plant)
    with pytest.raises(AssertionError):
        agrees(page)
        slider(page, "W1[1,1]").press("ArrowRight")
        settled(page)
        assert value(page, "W1[1,1]") == 0.51


def test_lesson__explorer_follows_a_prediction(server, page):
    open_and_run(page, server, "03_chain_rule.ipynb")
    page.wait_for_selector(".bpcourse .picture svg")
    settled(page)
    page.locator(".bpcourse .predict input").fill("up")
    page.keyboard.press("Enter")
    settled(page)
    number(page, "W2[1,2]").click()
    field(page, "W2[1,2]").fill("3")
    field(page, "W2[1,2]").press("Enter")
    settled(page)
    outcome = page.get_by_text("You predicted: up.").inner_text()
    assert re.search("∂L/∂w1₁₁ was −0.006516 and became 0.01004: it went up.", outcome)
