"""Explorers answer the page and the cell, report errors, and free their models."""

import gc
import re
import weakref
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest

from bpcourse import (
    EXAMPLES,
    Activation,
    Dense,
    Network,
    backprop,
    datasets,
    explore,
    explore_activation,
    explore_boundary,
    explore_live,
    explore_loss,
    explore_surface,
    explore_training,
    format_number,
    plotting,
)
from bpcourse.explorers import widget as module

LECTURE = EXAMPLES["lecture"]


def lecture(**more):
    return explore(LECTURE.network, LECTURE.x, LECTURE.y, **more)


def every_explorer():
    plane = Network([Dense([[1.0], [0.5]], [0.0], "sigmoid")])
    return {
        "network": lecture(),
        "activation": explore_activation(),
        "loss": explore_loss(),
        "surface": explore_surface(LECTURE.network, LECTURE.x, LECTURE.y),
        "boundary": explore_boundary(plane, [[-1.0, 0.0], [1.0, 0.5]], [[0.0], [1.0]]),
        "training": explore_training(epochs=20),
        "live": explore_live(plane, [[-1.0, 0.0], [1.0, 0.5]], [[0.0], [1.0]]),
    }


@pytest.fixture(autouse=True)
def live_models():
    """Count the live models of a test. They are closed at its end, and then none may be left."""
    made = []  # weak references, so that a closed explorer can be freed

    def live():
        return [widget for ref in made if (widget := ref()) is not None and widget.comm is not None]

    ipywidgets.Widget.on_widget_constructed(lambda widget: made.append(weakref.ref(widget)))
    yield lambda: len(live())
    ipywidgets.Widget.on_widget_constructed(None)
    for widget in live():
        if isinstance(widget, module.Explorer):
            widget.close()
    assert live() == []


def run_in_cell(monkeypatch, cell, run="a run", deleted=()):
    """Act as the kernel of JupyterLite while it runs a cell: its `get_parent` takes no argument."""

    class Kernel:
        def get_parent(self):
            return {"header": {"msg_id": run}, "metadata": {"cellId": cell, "deletedCells": list(deleted)}}

    monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel=Kernel()))


def send(explorer, **message):
    """Send what the page would send, and return what it gets."""
    explorer._receive(None, {"edit": "page:1", **message}, [])
    assert explorer.view["edit"] == "page:1"
    return explorer.view


# From a cell


def test_explore__cell_reads_and_sets_numbers():
    explorer = lecture(learning_rate=1.5)
    explorer.set({"W1[1,2]": 0.3, "x[2]": -1.0, "learning_rate": 2})
    assert explorer.value["W1[1,2]"] == explorer.network.layers[0].W[0, 1] == 0.3
    assert explorer.trace["x"].tolist() == [[0.8, -1.0]]
    assert explorer.learning_rate == 2.0
    assert explorer.trace.loss == backprop(explorer.network, [0.8, -1.0], LECTURE.y).loss
    assert explorer.view["values"]["W1[1,2]"] == [0.3, "0.3"]
    assert LECTURE.network.layers[0].W[0, 1] == -0.75  # the network itself is unchanged


def test_value__can_be_assigned_and_observed():
    explorer, seen = lecture(), []
    explorer.observe(lambda change: seen.append(change.new["b1[1]"]), "value")
    explorer.value = {**explorer.value, "b1[1]": 0.75}
    explorer.press("undo")
    assert seen == [0.75, 0.1]
    with pytest.raises(ValueError, match="finite"):
        explorer.value = {**explorer.value, "b1[1]": float("nan")}
    assert explorer.value["b1[1]"] == 0.1


def test_explore__impossible_values_change_nothing():
    explorer = lecture()
    before = explorer.value
    for change, words in (
        ({"W1[9,9]": 1.0}, "unknown weight or bias"),
        ({"W1[1,1]": float("inf")}, "finite number"),
        ({"b1[1]": 1.0, "learning_rate": -1.0}, "positive finite number"),
        ({"W1[1,1]": "much"}, "finite number"),
        ({"W1[1,1]": None}, "finite number"),
        ({"": 1.0}, "needed a name"),
    ):
        with pytest.raises(ValueError, match=words):
            explorer.set(change)
    assert explorer.value == before
    for wrong in (
        lambda: lecture(predict="dW9[1,1] up?"),
        lambda: lecture(controls=["W7"]),
        lambda: lecture(notation="mine"),
        lambda: lecture(learning_rate=0),
        lambda: explore(LECTURE.network, [1.0], LECTURE.y),
        lambda: explore_activation("softmax"),
        lambda: explore_loss(["mse"] * 5),
        lambda: explore_loss(["max"]),
        lambda: explore_training("stars"),
        lambda: explore_live(LECTURE.network, LECTURE.x, LECTURE.y, loss="mse", shape=(8, 8)),
        lambda: explore_live(Network([Dense([[1.0]])]), [[1.0]], [[1.0]], loss="mse"),
        lambda: explore_training(width=2.5),
        lambda: explore_training(epochs=5000),
        lambda: explore_training(activation="max"),
        lambda: explore_training(learning_rate=0),
        lambda: explore_loss(["mse"], y_hat=5.0),
        lambda: explore_surface(LECTURE.network, LECTURE.x, LECTURE.y, first="z1[1]"),
        lambda: explore_surface(LECTURE.network, LECTURE.x, LECTURE.y, first="W1[1,1]", second="W1[1,1]"),
        lambda: explore_boundary(Network([Dense([[1.0]])]), [[1.0]], [[1.0]], loss="mse"),
    ):
        with pytest.raises(ValueError, match=r"\w{3,} \w{2,}"):
            wrong()


def test_explore__options_are_keywords():
    for wrong in (
        lambda: explore(LECTURE.network, LECTURE.x, LECTURE.y, "half_sse"),
        lambda: explore_activation("relu", 0.5),
        lambda: explore_loss(["mse"], 1.0),
        lambda: explore_training("moons", 0.1),
    ):
        with pytest.raises(TypeError, match="positional argument"):
            wrong()


def test_explorer__is_an_ipywidget():
    explorer = lecture()
    box = ipywidgets.HBox([explorer])
    assert box.children == (explorer,)
    box.close()
    box.layout.close()


# From the page


def test_page__moved_slider_and_typed_number():
    explorer = lecture()
    view = send(explorer, do="set", name="W1[1,1]", value=0.25, again=False)
    assert (view["alert"], explorer.value["W1[1,1]"]) == ("", 0.25)
    assert view["picture"] == explorer._seen().picture.svg
    for text, value in (("0,5", 0.5), ("1/4", 0.25), ("−2e-1", -0.2)):
        assert send(explorer, do="type", name="W1[1,1]", text=text)["alert"] == ""
        assert explorer.value["W1[1,1]"] == value


NO_NUMBER = dict.fromkeys(["nan", "<b>", "", "1e400"], "needed one number")


@pytest.mark.parametrize("text, words", [("5000", "must lie between −1000 and 1000; got 5000"), *NO_NUMBER.items()])
def test_page__impossible_number_gets_a_message(text, words):
    explorer = lecture()
    send(explorer, do="set", name="W1[1,1]", value=0.25, again=False)
    before = explorer.value
    view = send(explorer, do="type", name="W1[1,1]", text=text)
    assert words in view["alert"]
    assert view["about"] == "W1[1,1]"
    assert explorer.value == before
    assert send(explorer, do="type", name="W1[1,1]", text="0.5")["alert"] == ""


def test_page__undo_and_reset():
    explorer = lecture(learning_rate=1.5)
    start = explorer.value
    send(explorer, do="press", name="update")
    after = explorer.value
    send(explorer, do="press", name="forward")
    assert explorer.value == after  # a step changes nothing
    send(explorer, do="press", name="undo")
    assert explorer.value == start
    assert "nothing to undo" in send(explorer, do="press", name="undo")["alert"]
    send(explorer, do="press", name="update")
    send(explorer, do="press", name="reset")
    assert explorer.value == start
    send(explorer, do="press", name="undo")  # a reset can be taken back too
    assert explorer.value == after


def test_undo__takes_back_a_whole_drag():
    explorer = lecture()
    for again, value in ((False, 0.51), (True, 0.52), (True, 0.6)):
        send(explorer, do="set", name="W1[1,1]", value=value, again=again)
    send(explorer, do="set", name="W1[1,1]", value=0.7, again=False)
    for value in (0.6, 0.5):
        send(explorer, do="press", name="undo")
        assert explorer.value["W1[1,1]"] == value


def test_undo__takes_back_a_whole_run():
    explorer = lecture()
    start = explorer.value
    send(explorer, do="press", name="update")
    once = explorer.value
    for again in (False, True, True, True):
        send(explorer, do="press", name="update", again=again)
    assert explorer.view["beside"].count("L") >= 4  # its curve has each step
    send(explorer, do="press", name="undo")
    assert explorer.value == once
    send(explorer, do="press", name="undo")
    assert explorer.value == start


def test_undo__is_not_offered_where_it_is_impossible():
    assert not explore_live(Network([Dense([[1.0], [0.5]], [0.0], "sigmoid")]), [[0, 1]], [[1]]).page["undo"]
    assert lecture().page["undo"]


def test_undo__past_is_bounded():
    explorer = explore(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], learning_rate=1e-4)
    for _ in range(module.MOST_PAST + 20):
        explorer._press("update")
    assert len(explorer._past) == module.MOST_PAST
    assert all("trace" not in vars(scene) for scene, *_ in explorer._past)  # no computed values
    explorer.press("undo")
    assert f"over the last {module.MOST_PAST - 1} moves" in repr(explorer)


def test_page__choices_and_pitfalls():
    explorer = lecture()
    assert "step by step" in send(explorer, do="set", name="explain", value="dW1[1,2]", again=False)["solution"]
    assert "flat" in send(explorer, do="set", name="pitfall", value="saturation", again=False)["note"]
    first = explorer.value
    assert (
        "flat" in send(explorer, do="set", name="W1[1,1]", value=0.0, again=False)["note"]
    )  # the learner is still reading it
    assert "below 0" in send(explorer, do="set", name="pitfall", value="dead_relu", again=False)["note"]
    assert (
        explorer.network.layers[0].W.tolist() == LECTURE.network.layers[0].W.tolist()
    )  # it begins from the first scene
    assert send(explorer, do="set", name="pitfall", value="", again=False)["note"] == ""
    send(explorer, do="press", name="undo")
    send(explorer, do="press", name="undo")
    assert explorer.value | {"explain": ""} == first | {"explain": "", "W1[1,1]": first["W1[1,1]"]}


def test_page__table_is_sent_while_open():
    explorer = lecture()
    assert explorer.view["table"] == ""
    assert "<table>" in send(explorer, do="table", open=True)["table"]
    assert send(explorer, do="table", open=False)["table"] == ""


@pytest.mark.parametrize("broken", ["pressed", "show"])
def test_page__bug_is_reported_and_undone(broken, monkeypatch):
    explorer = lecture()
    send(explorer, do="press", name="update")
    before, kind, right, faults = explorer.value, type(explorer.scene), getattr(type(explorer.scene), broken), [1]

    def once(*arguments):
        return 1 / 0 if faults and faults.pop() else right(*arguments)

    monkeypatch.setattr(kind, broken, once)
    view = send(explorer, do="press", name="update")
    assert "not your fault (ZeroDivisionError: division by zero)" in view["alert"]
    assert explorer.value == before
    assert send(explorer, do="press", name="undo")["alert"] == ""
    assert "unknown message 'nonsense'" in send(explorer, do="nonsense")["alert"]


def test_page__diverged_surface_can_be_undone():
    explorer = explore_surface(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], learning_rate=1e6)
    alerts = [send(explorer, do="press", name="update")["alert"] for _ in range(60)]
    assert "overflowed" in alerts[-1]
    assert "fault" not in "".join(alerts)
    assert send(explorer, do="press", name="undo")["alert"] == ""


def test_page__failing_observer_is_reported():
    explorer = lecture()
    explorer.observe(lambda change: 1 / 0, "value")
    assert "ZeroDivisionError" in send(explorer, do="set", name="W1[1,1]", value=0.25, again=False)["alert"]
    assert explorer.view["values"]["W1[1,1]"] == [0.25, "0.25"]


def test_undo__ignores_what_is_looked_at():
    x, y = [[0.8, 0.45], [0.1, -0.2]], [[0.3, 0.7], [0.2, 0.9]]
    explorer = explore(LECTURE.network, x, y)
    for name, value in (("example", "2"), ("explain", "dW1[1,2]")):
        send(explorer, do="set", name=name, value=value, again=False)
    send(explorer, do="press", name="forward")
    assert "nothing to undo" in send(explorer, do="press", name="undo")["alert"]
    explorer.set({"x[1]@1": 7})  # this example is not shown
    view = send(explorer, do="press", name="undo")
    assert explorer.trace["x"].tolist() == x
    assert explorer.value["example"] == "2"
    assert "dW1" in explorer.value["explain"]
    assert "step 1 of" in view["caption"]
    with pytest.raises(ValueError, match="at most 16 examples; got 20"):
        explore(LECTURE.network, [x[0]] * 20, [y[0]] * 20)


def test_undo__update_ends_a_drag():
    explorer = lecture()
    send(explorer, do="set", name="W1[1,1]", value=0.51, again=False)
    send(explorer, do="press", name="update")
    moved = explorer.value
    send(explorer, do="set", name="W1[1,1]", value=0.6, again=True)
    send(explorer, do="press", name="undo")
    assert explorer.value == moved


def test_page__slider_grows_to_reach_its_value():
    explorer = lecture()
    assert explorer.view["ends"]["W1[1,1]"] == [-5.0, 5.0]
    send(explorer, do="type", name="W1[1,1]", text="40")
    assert explorer.view["ends"]["W1[1,1]"] == [-80.0, 80.0]
    send(explorer, do="set", name="W1[1,1]", value=1.0, again=False)
    assert explorer.view["ends"]["W1[1,1]"] == [-80.0, 80.0]  # it does not shrink while it is used
    send(explorer, do="press", name="reset")
    assert explorer.view["ends"]["W1[1,1]"] == [-5.0, 5.0]
    explorer.set({"pitfall": "large_rate"})
    assert explorer.view["ends"]["learning_rate"][1] >= explorer.learning_rate


# Predict first


def test_predict__controls_are_locked_until_answered(monkeypatch):
    monkeypatch.delenv(module.UNLOCKED, raising=False)
    explorer = lecture(predict="Lower W1[1,2]. dW1[1,2] goes up or down?")
    assert explorer.view["locked"]
    before = explorer.value
    for message in (
        {"do": "set", "name": "W1[1,2]", "value": 0.0, "again": False},
        {"do": "type", "name": "W1[1,2]", "text": "0"},
        {"do": "press", "name": "update"},
    ):
        assert "First say what you expect" in send(explorer, **message)["alert"]
        assert explorer.value == before
    assert "up, down or the same" in send(explorer, do="predict", text="  ")["alert"]
    assert explorer.view["locked"]
    view = send(explorer, do="predict", text="down")
    assert not view["locked"]
    assert view["predicted"].startswith("You predicted: down. ∂L/∂w1₁₂ is")
    assert explorer.prediction.said == "down"
    assert explorer.page["question"] == "Lower w1₁₂. ∂L/∂w1₁₂ goes up or down?"
    after = send(explorer, do="set", name="W1[1,2]", value=-2.0, again=False)
    start = backprop(LECTURE.network, LECTURE.x, LECTURE.y)["dW1"][0, 1]
    now = explorer.trace["dW1"][0, 1]
    result = f"was {format_number(start)} and became {format_number(now)}: it went"
    assert result in after["predicted"]
    send(explorer, do="set", name="W1[1,2]", value=2.0, again=True)  # the same drag
    dragged = send(explorer, do="set", name="W1[1,2]", value=3.0, again=True)["predicted"]
    assert f"became {format_number(explorer.trace['dW1'][0, 1])}" in dragged
    later = send(explorer, do="set", name="W1[1,1]", value=-1.0, again=False)["predicted"]
    assert later == dragged  # only the first move counts


def test_predict__a_new_learning_rate_is_not_yet_the_move():
    explorer = lecture(predict="Set the learning rate to 2 and press Update. Does the loss go up or down?")
    send(explorer, do="predict", text="down")
    for rate in (1.9, 2.0):
        send(explorer, do="set", name="learning_rate", value=rate, again=rate == 2.0)
        assert explorer.prediction.end is None
    assert "it went down" in send(explorer, do="press", name="update")["predicted"]


@pytest.mark.parametrize("message", [None, 3, "set", [], {}, {"do": 7}, {"do": "set"}, {"do": "predict", "text": 3}])
def test_message__that_is_malformed_changes_nothing(message):
    explorer = lecture()
    before = explorer.value
    explorer._receive(None, message, None)
    assert explorer.value == before


def test_interrupt__leaves_everything_unchanged(monkeypatch):
    explorer = lecture()
    before, view = explorer.value, explorer.view

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(explorer), "_shown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explorer.press("update")
    monkeypatch.undo()
    assert (explorer.value, explorer.view, explorer.scene.values) == (before, view, before)


def test_explore__shows_only_values_where_labels_would_pile_up():
    network = Network.initialize([3, 4, 3], ["tanh", "sigmoid"])
    assert explore(network, [1, 2, 3], [0, 1, 0]).value["view"] == "forward"
    assert lecture().value["view"] == "both"


def test_predict__instructor_can_switch_it_off(monkeypatch):
    explorer = lecture(predict="loss up?")
    explorer.unlock()
    assert not explorer.view["locked"]
    monkeypatch.setenv(module.UNLOCKED, "1")
    assert not lecture(predict="loss up?").view["locked"]


# Everywhere


@pytest.mark.parametrize("kind", ["network", "activation", "loss", "surface", "boundary", "training", "live"])
def test_mimebundle__description_and_picture_without_a_kernel(kind):
    explorer = every_explorer()[kind]
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", module.WIDGET_VIEW}
    assert '<img src="data:image/svg+xml;base64,' in data["text/html"]
    assert 'alt="' in data["text/html"]
    assert "<script" not in data["text/html"]
    assert data["text/html"].endswith("</figure><p>Run this cell to move the numbers.</p>")
    for name, value, gradient in explorer._seen().picture.table:
        for text in (name, value, gradient):
            assert text in data["text/plain"]
    explorer.close()
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}


@pytest.mark.parametrize("kind", ["network", "activation", "loss", "surface", "boundary", "training", "live"])
def test_page__every_control_works(kind):
    explorer = every_explorer()[kind]
    page = explorer.page
    names = [each["name"] for group in page["groups"] for each in group["controls"]]
    names += [each["name"] for each in page["choices"]]
    assert len(set(names)) == len(names)
    assert set(names) <= set(explorer.view["values"])
    for group in page["groups"]:
        for control in group["controls"]:
            value = explorer.value[control["name"]]
            assert control["low"] <= value <= control["high"]
            assert control["label"]
            moved = send(explorer, do="set", name=control["name"], value=control["high"], again=False)
            assert moved["alert"] == ""
    for choice in page["choices"]:
        for value, _ in choice["options"]:
            assert send(explorer, do="set", name=choice["name"], value=value, again=False)["alert"] == "" or (
                choice["name"] in ("first", "second")
            )
    for button in [each["name"] for each in page["buttons"]] + ["undo"] * (kind != "live") + ["reset"]:
        assert send(explorer, do="press", name=button)["alert"] == ""


def test_page__text_from_a_person_is_escaped():
    odd = Activation("<script>alert(1)</script>", lambda z: z, lambda z: z * 0 + 1)
    explorer = explore(Network([Dense([[1.0]], [0.0], odd)]), [1.0], [0.5])
    for _ in range(2):
        send(explorer, do="press", name="forward")
    view = send(explorer, do="set", name="explain", value="a1[1]", again=False)
    for part in ("picture", "caption", "solution", "beside"):
        assert "<script" not in view[part]
    assert "<script" not in explorer._repr_mimebundle_()[0]["text/html"]


# Closing


def test_close__running_a_cell_again_closes_its_earlier_explorers(monkeypatch, live_models):
    counts = []
    for run in range(20):
        run_in_cell(monkeypatch, "a cell", f"run {run}")
        last = [lecture(), explore_loss()][0]
        counts.append(live_models())
    assert set(counts) == {4}  # two explorers, each with its layout
    run_in_cell(monkeypatch, "another cell", "run", deleted=["a cell"])
    other = lecture()
    assert live_models() == 2
    assert re.match("A network of", repr(last))  # a closed explorer can still be shown
    other.close()
    other.close()


def test_explore__kernel_of_jupyterlite(monkeypatch):
    """In Pyodide, `get_parent` of the kernel takes no argument; every explorer failed there."""
    run_in_cell(monkeypatch, "a cell in the browser")
    for explorer in every_explorer().values():
        assert explorer.view["picture"].startswith("<svg")


@pytest.mark.parametrize("message", [None, {}])
def test_explore__kernel_without_a_message(message, monkeypatch):
    kernel = SimpleNamespace(get_parent=lambda: message)
    monkeypatch.setattr(module, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    assert lecture().view["picture"].startswith("<svg")


def test_close__explorer_is_freed():
    explorer = lecture()
    explorer.press("update")
    explorer.close()
    seen = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert seen() is None


def test_close__earlier_epochs_are_not_kept():
    data = datasets.moons(8)
    explorer = explore_live(Network.initialize([2, 3, 1], ["tanh", "sigmoid"]), data.x, data.y, loss="mse")
    explorer.press("epoch")
    explorer.close()
    with pytest.raises(ValueError, match="A closed explorer has no earlier epochs"):
        explorer.set({"epoch": 0.0})


def test_close__keeps_only_what_the_picture_needs(live_models):
    # IPython keeps the results of a thousand cells, and so the closed explorers of a cell that is run again.
    data = datasets.moons(8)
    network = Network.initialize([2, 3, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
    for explorer, button in ((lecture(), "update"), (explore_live(network, data.x, data.y), "epoch")):
        explorer.press(button)
        shown = repr(explorer)
        explorer.close()
        assert repr(explorer) == shown
        assert not (explorer.view or explorer.page or getattr(explorer.scene, "past", ()))
        assert all(scene is explorer.scene for scene, *_ in explorer._past)


def test_page__layout_is_plain_data():
    page = lecture().page
    assert [group["title"] for group in page["groups"]] == ["layer 1", "layer 2", "inputs", "targets", "learning rate"]
    assert page["groups"][0]["controls"][1] == {
        "name": "W1[1,2]",
        "label": "w1₁₂",
        "low": -5.0,
        "high": 5.0,
        "unit": 0.01,
        "least": -1000.0,
        "most": 1000.0,
    }


@pytest.mark.parametrize(
    ("explorer", "name"),
    [
        (lambda q: explore_activation(predict=q), "slope"),
        (lambda q: explore_loss(["mse"], predict=q), "mse"),
        (lambda q: explore_loss(predict="Which loss grows without end? " + q), "half_sse"),
        (lambda q: explore_training(epochs=2, predict=q), "loss"),
    ],
)
def test_predict__question_about_a_plain_word(explorer, name):
    made = explorer(f"Move something. Does the {name} go up or down?")
    made._commit("down")
    assert made.prediction.name == name
    assert made.prediction.start == made.scene.quantity(name)
    assert f"{name} is " in made.prediction.beside(made.scene.quantity(name))
    made.close()


def test_explore_live__gives_the_trained_network():
    moons = datasets.moons(20)
    start = Network.initialize([2, 3, 1], ["tanh", "sigmoid"])
    explorer = explore_live(start, moons.x, moons.y)
    assert explorer.network == start
    explorer.press("epoch")
    assert explorer.network != start


def test_surfaces__explain_each_others_arguments():
    trace = LECTURE.backprop()
    with pytest.raises(TypeError, match="needed a Network"):
        explore_surface(trace, trace["x"], trace["y"])
    with pytest.raises(TypeError, match="needed a Trace"):
        plotting.plot_surface(LECTURE.network, "W1[1,1]", "W1[1,2]")
