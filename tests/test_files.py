"""Exercises from files, and `bpcourse solve`: what it reads, what it writes, what it refuses in one clear line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from helpers.support import PROJECT, fails

from bpcourse import EXAMPLES, cli, solve
from bpcourse.tutor import files
from bpcourse.tutor.files import ExerciseFileError, read_exercise

TOML = files.__doc__.split("\n\n", 1)[1].rsplit("\n\n", 1)[0]  # the example in the documentation
TOML = "\n".join(line.removeprefix("    ") for line in TOML.splitlines()) + "\n"
MAZUR = EXAMPLES["mazur"].backprop()
CONTENT = {
    "x": [0.05, 0.1],
    "y": [0.01, 0.99],
    "loss": "half_sse",
    "layers": [
        {"weights": layer.W.tolist(), "biases": layer.b.tolist(), "activation": "sigmoid"}
        for layer in MAZUR.network.layers
    ],
}


@pytest.fixture
def exercise(tmp_path):
    path = tmp_path / "exercise.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def same(trace):
    return all(np.array_equal(trace[name], MAZUR[name]) for name in MAZUR)


def test_read_exercise__documented_example(exercise):
    found = read_exercise(exercise)
    assert same(found.trace)
    assert found.learning_rate == 0.5


def test_commands_page__has_the_documented_example():
    assert f"```toml\n{TOML}```" in (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_read_exercise__json(tmp_path):
    path = tmp_path / "exercise.JSON"
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    found = read_exercise(str(path))
    assert same(found.trace)
    assert found.learning_rate is None


def test_read_exercise__windows_line_ends_and_mark(tmp_path):
    path = tmp_path / "exercise.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TOML.replace("\n", "\r\n").encode())
    assert same(read_exercise(path).trace)


def changed(**changes):
    content = CONTENT | {key: value for key, value in changes.items() if value is not None}
    return {key: value for key, value in content.items() if changes.get(key, ...) is not None}


def layer(**changes):
    return changed(layers=[{**CONTENT["layers"][0], **changes}, CONTENT["layers"][1]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(x=None), "the key 'x' is missing. Needed: x, y, loss, layers"),
        (changed(lose=1), "unknown key 'lose'. Did you mean 'loss'?"),
        (layer(weight=[1]), r"layers\[1\]: unknown key 'weight'. Did you mean 'weights'?"),
        (changed(layers=[]), r"layers: needed one \[\[layers\]\]"),
        (changed(layers=3), r"layers: needed one \[\[layers\]\]"),
        (changed(layers=[3]), r"layers: needed one \[\[layers\]\]"),
        (layer(weights=[[1, 2], [3]]), r"layers\[1\]\.weights: "),
        (layer(weights="W"), r"layers\[1\]\.weights: "),
        (layer(weights=[[1, "2"], [3, 4]]), r"layers\[1\]\.weights: "),
        (layer(weights=[]), r"layers\[1\]\.weights: "),
        (layer(weights=[[1e999, 2], [3, 4]]), r"layers\[1\]\.weights: "),
        (layer(weights=[[1, None], [3, 4]]), r"layers\[1\]\.weights: "),
        (layer(biases=[1]), r"layers\[1\]\.biases: "),
        (layer(activation="sigmod"), r"layers\[1\]\.activation: .*Did you mean 'sigmoid'"),
        (layer(activation=["sigmoid"]), r"layers\[1\]\.activation: "),
        (layer(weights=[[1], [2]], biases=[1]), "layers: "),
        (changed(x=[1]), "x: x must have 2 numbers|x: "),
        (changed(x=[1, "two"]), "x: "),
        (changed(x={}), "x: "),
        (changed(y=[1]), "y, with this loss: "),
        (changed(loss="mes"), "loss: .*Did you mean 'mse'"),
        (changed(loss=["mse"]), "loss: "),
        (changed(loss="categorical_cross_entropy"), "y, with this loss: .*softmax"),
        (changed(learning_rate=0), "learning_rate: "),
        (changed(learning_rate="0.5"), "learning_rate: "),
        ([1, 2], "needed the keys x, y, loss and layers; got a list"),
        (None, "got a NoneType"),
    ],
)
def test_read_exercise__error_names_file_key_and_need(content, words, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ExerciseFileError, match=words) as caught:
        read_exercise(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b"x = [1,\ny", "not valid TOML: .*line 2"),
        ("a.json", b'{"x": [1,}', "not valid JSON: .*line 1"),
        ("a.json", b"", "not valid JSON"),
        ("a.toml", b"", "the key 'x' is missing"),
        ("a.toml", b"x = '\xff'", "UTF-8"),
        ("a", b"", r"ends in \.toml or \.json"),
    ],
)
def test_read_exercise__unreadable_file(name, content, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExerciseFileError, match=words):
        read_exercise(path)


def test_solve_command__prints_the_solution(exercise, capsys):
    assert cli.main(["solve", str(exercise)]) == 0
    assert capsys.readouterr().out == solve(MAZUR, learning_rate=0.5).text + "\n"
    words = ["dW1[1,2]", "W1_new[1,2]", "--notation", "lecture", "--digits", "6"]
    assert cli.main(["solve", str(exercise), *words]) == 0
    wanted = [solve(MAZUR, name, notation="lecture", digits=6, learning_rate=0.5).text for name in words[:2]]
    assert capsys.readouterr().out == "\n\n".join(wanted) + "\n"


def test_solve_command__saves_and_never_overwrites(exercise, capsys):
    page = exercise.with_name("key.html")
    assert cli.main(["solve", str(exercise), "dW1", "--output", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == solve(MAZUR, "dW1", learning_rate=0.5).html + "\n"
    assert str(page) in capsys.readouterr().out
    page.write_text("mine", encoding="utf-8")
    assert "--force" in fails(capsys, "solve", str(exercise), "--output", str(page))
    assert page.read_text(encoding="utf-8") == "mine"
    assert cli.main(["solve", str(exercise), "--output", str(page), "--force"]) == 0
    assert page.read_text(encoding="utf-8") != "mine"


def test_solve_command__pipe_without_greek(exercise):
    command = [sys.executable, "-X", "utf8=0", "-m", "bpcourse.cli", "solve", str(exercise), "z1[1]"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, timeout=60)
    assert done.returncode == 0
    assert b"0.3775" in done.stdout


def test_solve_command__help_describes_the_file(capsys):
    with pytest.raises(SystemExit):
        cli.main(["solve", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for key in ("weights", "biases", "activation", "x, y, loss", "learning_rate"):
        assert key in printed


def test_activation__leaky_relu_with_a_slope(tmp_path):
    path = tmp_path / "leaky.json"
    layer = {"weights": [[-1.0]], "activation": "leaky_relu(0.2)"}
    content = {"x": [2.0], "y": [0.0], "loss": "mse", "layers": [layer]}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_exercise(path).trace["y_hat"] == -0.4
    path.write_text(json.dumps(content | {"layers": [layer | {"activation": "leaky_relu(2)"}]}), encoding="utf-8")
    with pytest.raises(ExerciseFileError, match=r"layers\[1\]\.activation: .*slope must be above 0 and below 1"):
        read_exercise(path)
