"""Bad input to everything public: a defined value, or an error with what was needed, what was given and what to do.

No call warns, changes what it was given, or hangs. The rows of the engine are in `helpers/engine_cases.py`.
"""

import inspect
import io
import json
import os
import re
import signal
import warnings
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import engine_cases
from helpers.engine_cases import BCE, CE, MSE, ONE, THREE, TRACE, TWO, deep
from helpers.support import PROJECT

import bpcourse
from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    MISTAKES,
    SGD,
    Activation,
    Adam,
    Dense,
    Explorer,
    Loss,
    Momentum,
    Network,
    backprop,
    check,
    check_function,
    cli,
    datasets,
    diagnose,
    draw,
    explore,
    explore_activation,
    explore_boundary,
    explore_image,
    explore_live,
    explore_loss,
    explore_surface,
    explore_training,
    format_number,
    forward,
    from_keras,
    from_torch,
    gradcheck,
    hint,
    keras_code,
    leaky_relu,
    one_hot,
    parse_number,
    plotting,
    practice,
    sgd_step,
    solve,
    steps,
    torch_code,
    train,
)
from bpcourse.classroom.files import HandedIn, UnreadableFileError, handed_in
from bpcourse.classroom.roster import read_roster
from bpcourse.classroom.submissions import collect, read_file, read_record
from bpcourse.names import Name
from bpcourse.tutor.files import ExerciseFileError, read_exercise

SIGMOID, RELU, TANH, SOFTMAX = (ACTIVATIONS[name] for name in ("sigmoid", "relu", "tanh", "softmax"))
LECTURE = EXAMPLES["lecture"].backprop()
NET = LECTURE.network
X, Y = np.array([[0.3, 0.7], [0.1, -0.4]]), np.array([[1.0, 0.0], [0.0, 1.0]])
YES = np.array([[1.0], [0.0]])
IMAGES = np.array([[0.0, 0.5, 1.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
CLASSIFIER = Network([Dense(np.full((4, 2), 0.1), None, "softmax")])
PROBLEM = practice.problem("bias", level=1)
HISTORY = train(TWO, X, YES, epochs=2)
SOLUTION = solve(LECTURE, "dW1[1,1]")
AN_EXPLORER = explore(NET, X[:1], Y[:1])
SHARED = (X, Y, YES, IMAGES, *LECTURE.values(), *TRACE.values(), HISTORY.losses)  # of many cases

OTHERS_WORDS = re.compile(  # of NumPy, matplotlib and Python, which help only those who know these well
    "gufunc|broadcast together|inhomogeneous|encountered in|could not convert|not aligned|invalid literal"
    "|not supported between|has no attribute|not iterable|cannot be interpreted|not understood|unhashable"
    "|negative dimensions|truth value|unsupported operand|not subscriptable|unpack|out of bounds|Errno|Traceback"
    "|set_int_max_str_digits|has no len|0-d array|multiply sequence|can only concatenate|PathLike|codec"
    "|Maximum allowed|Unable to allocate"
)
LONGEST = 900  # characters of a message; a list of known names is the longest part


@dataclass(frozen=True)
class Case:
    """A call, and the value or the type of the error that is expected, with patterns of its message."""

    name: str
    call: object
    expected: object
    pieces: tuple[str, ...] = ()


class CommandError(Exception):
    """A command that failed: what it printed on stderr."""


def run(*words):
    """Run `bpcourse` in this process, and return what it printed. Raise CommandError if it failed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as ended:  # argparse, which prints the usage first
            status = ended.code
    said = [line for line in err.getvalue().splitlines() if not line.startswith(("usage: ", " "))]
    if status:
        assert status == 2
        assert [line.startswith("bpcourse") for line in said] == [True], said
        raise CommandError(said[0])
    return out.getvalue()


def written(name, content=b""):
    """Write a file into the current folder, which is a test's own, and return its path."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def linked(name, target):
    Path(name).symlink_to(target)
    return Path(name)


def pipe(name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(name)
    return Path(name)


def exercise(name="a.json", **changes):
    """Write an exercise in JSON with some keys changed. A key that is None is omitted."""
    layer = {"weights": [[0.5]], "activation": "identity"} | changes.pop("layer", {})
    content = {"x": [1], "y": [1], "loss": "mse", "layers": [layer]} | changes
    return written(name, json.dumps({key: value for key, value in content.items() if value is not None}))


def raw(text, name="a.json"):
    """Write an exercise whose x is this text."""
    layers = '[{"weights": [[1]], "activation": "identity"}]'
    return written(name, f'{{"x": {text}, "y": [1], "loss": "mse", "layers": {layers}}}')


def handed(content, name="sheet-001.ipynb"):
    """Read a file that a student handed in, and return its answers by question."""
    data = content if isinstance(content, bytes) else content.encode()
    return {sheet.sheet: sheet.values for sheet in read_file(HandedIn(name, lambda: data))}


def notebook(*sources, **changes):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "cells": cells} | changes)


def table(*rows, header="sheet,question,name,answer"):
    return handed("\n".join([header, *rows]) + "\n", "a.csv")


def archive(entries, name="all.zip"):
    """Write an archive, and return what is said of each file in it."""
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for entry, content in entries.items():
            file.writestr(entry, content)
    return said()


def said():
    """Return the remarks on the files in the current folder."""
    return [f"{remark.source} {remark.text}" for remark in collect(Path(), 30)[1]]


def a_class(*, stamp=None):
    """Make a class of two sheets, and return the folder of its key."""
    if not Path("class").exists():
        run("sheet", "--topic", "bias", "--count", 2, "--seed", SECRET, "--out", "class", "--format", "md")
    return Path("class") / "key"


def mark(*words, seed="a long secret"):
    Path("hand").mkdir(exist_ok=True)
    return run("mark", "hand", "--class", a_class(), "--seed", seed, "--out", "marks", *words)


SECRET = "a long secret"
NEEDED = r"needed one number"

NUMBERS = [
    *(
        (f"parse_number: {text[:30]!r}", lambda text=text: parse_number(text), ValueError, (NEEDED, "got", r"0\.0822"))
        for text in (
            *("", " ", "1e-9999999999999", "1e9999", "0,25,3", "1 000", "--1", "1/0", "9**9**9**9", "0x10"),
            *("1_0", "nan", "∞", "abc", "1;2", "0.5 0.6", "1" * 101, "0." + "0" * 5000, "=cmd()", "\ud800", "\0"),
            *("½", "1e5e5"),
        )
    ),
    ("parse_number: a float", lambda: parse_number(0.5), TypeError, ("needed one number as text", r"got 0\.5")),
    ("parse_number: None", lambda: parse_number(None), TypeError, ("needed one number as text", "got None")),
    ("parse_number: bytes", lambda: parse_number(b"0.5"), TypeError, ("as text", "got b'0.5'")),
    ("parse_number: a huge integer", lambda: parse_number(10**5000), TypeError, ("got a value of type int",)),
    ("parse_number: the smallest float", lambda: parse_number("4.9e-324"), 5e-324),
    ("parse_number: less than that", lambda: parse_number("1e-999999"), 0.0),
    ("parse_number: the largest float", lambda: parse_number("1.7976931348623157e308"), 1.7976931348623157e308),
    ("parse_number: a minus zero", lambda: parse_number("-0"), -0.0),
    ("parse_number: a soft hyphen for a minus", lambda: parse_number("\u00ad0.5"), -0.5),
    ("parse_number: digits of a different script", lambda: parse_number("٠٫٥"), 0.5),
    ("format_number: a fraction", lambda: format_number(Fraction(1, 3)), "0.3333"),
    ("format_number: text", lambda: format_number("0.5"), TypeError, ("takes one real number", "got '0.5'")),
    ("format_number: an array", lambda: format_number(np.ones(2)), TypeError, ("one real number", "one by one")),
    ("format_number: a complex number", lambda: format_number(1j), TypeError, ("one real number", "got 1j")),
    ("format_number: beyond every float", lambda: format_number(10**400), TypeError, ("one real number", "got 1000")),
    ("format_number: no digits", lambda: format_number(0.5, 0), ValueError, ("digits must be", "1 to 100", "got 0")),
    ("format_number: digits as text", lambda: format_number(0.5, "4"), ValueError, ("digits must be", "got '4'")),
    ("format_number: NaN", lambda: format_number(np.nan), "nan"),
    ("format_number: the smallest float", lambda: format_number(5e-324), "4.941e−324"),
    ("format_number: a fraction beyond 1e308", lambda: format_number(-1.7e308, 2), "−1.7e308"),
]  # fmt: skip

NAME = "needed a name such as"
NAMES = [
    *(
        (f"name: {name[:20]!r}", lambda name=name: Name.read(name), ValueError, (NAME, "got"))
        for name in (
            *("", "w", "dW", "W1[", "W1[1;2]", "W1[1.5]", "W1[-1]", "W1[1,2,3]", "W1111[1]", "W1[1]@0", "W1[1]@", "δ1"),
            *("W1[99999]", "dW1 [1,2", "W1" * 1000, "\ud800", "loss\0"),
        )
    ),
    ("name: unit 0", lambda: Name.read("dW1[0,1]"), ValueError, ("count from 1", r"dW1\[0,1\] is dW1\[1,2\] here")),
    ("name: unit 00", lambda: Name.read("dW1[00,1]"), ValueError, ("count from 1", r"is dW1\[1,2\] here")),
    ("name: None", lambda: Name.read(None), ValueError, (NAME, "got 'None'")),
    ("name: spaces", lambda: str(Name.read(" d W1[ 1 , 2 ] ")), "dW1[1,2]"),
    ("name: digits of a different script", lambda: str(Name.read("W١[٢,١]")), "W1[2,1]"),
    ("name: the last unit counted from 0", lambda: gradcheck.differences(LECTURE, "W1[00,1]"), ValueError, ("W1",)),
    ("trace: a list of names", lambda: LECTURE[["W1", "b1"]], KeyError, ("unknown value", "'W1'", "Known: x")),
    ("trace: a huge integer", lambda: LECTURE[10**5000], KeyError, ("unknown value a value of type int",)),
    ("trace: a name of a million letters", lambda: LECTURE["W" * 10**6], KeyError, ("unknown value 'WWW", "Known: x")),
    ("registry: a name of a million letters", lambda: LOSSES["mse" * 10**6], KeyError, ("unknown loss 'mse", "Known")),
    ("registry: a list", lambda: MISTAKES[[]], KeyError, (r"unknown mistake \[\]", "Known", "in all")),
    ("registry: a record of a different kind", lambda: LOSSES.pick(TANH), KeyError, ("unknown loss", "Known: mse")),
    ("registry: .get", lambda: EXAMPLES.get("lectures"), None),
    ("registry: in", lambda: (None in ACTIVATIONS, "leaky_relu(9)" in ACTIVATIONS, [] in LOSSES), (False,) * 3),
]  # fmt: skip

SATURATED = [  # defined values at the limits of floats; see edge_cases.json
    ("sigmoid: slope at 37", lambda: round(SIGMOID.df([37.0])[0] * 1e17, 12), 8.533047625744),
    ("backward: 0 times infinity", lambda: RELU.backward([-1.0], [np.inf]), [np.nan]),
    ("sigmoid: slope at 1000", lambda: SIGMOID.df([-1000.0, 1000.0]), [0.0, 0.0]),
    ("softmax: 1e308", lambda: SOFTMAX.f([0.0, 0.0, 1e308]), [0.0, 0.0, 1.0]),
    ("softmax: minus infinity", lambda: SOFTMAX.f([0.0, -np.inf]), [1.0, 0.0]),
    ("softmax: nothing", lambda: SOFTMAX.f([]), []),
    ("softmax: integers", lambda: SOFTMAX.f([1, 1]), [0.5, 0.5]),
    ("softmax: booleans", lambda: SOFTMAX.f([True, True]), [0.5, 0.5]),
    ("cross-entropy: certain and right", lambda: CE.value_from_logits([1, 0], [1e4, 0]), 0.0),
    ("cross-entropy: certain and wrong", lambda: CE.value_from_logits([0, 0, 1], [1e4, 0, -1e4]), 20000.0),
    ("cross-entropy: its slope", lambda: CE.gradient_from_logits([0, 0, 1], [1e4, 0, -1e4]), [1.0, 0.0, -1.0]),
    ("softplus of 1000", lambda: BCE.value_from_logits([0], [1000]), 1000.0),
    ("log of the sigmoid of -1000", lambda: BCE.value_from_logits([1], [-1000]), 1000.0),
    ("its slope", lambda: BCE.gradient_from_logits([1], [-1000]), [-1.0]),
    ("binary cross-entropy of 0 and 1", lambda: BCE.value([1, 0], [0.0, 1.0]), np.inf),
    ("binary cross-entropy: its slope there", lambda: BCE.gradient([1], [0.0]), [-np.inf]),
    ("relu: NaN", lambda: RELU.f([np.nan, -np.inf]), [np.nan, 0.0]),
    ("relu: slope at NaN", lambda: RELU.df([np.nan]), [np.nan]),
    ("relu: slope at 0", lambda: RELU.df([0.0]), [0.0]),
    ("one_hot: one class only", lambda: one_hot([1, 1], 3), [[0, 1, 0], [0, 1, 0]]),
    ("one_hot: as targets", lambda: backprop(THREE, X[:1], [[0, 1, 0]], CE)["y"].dtype.name, "float64"),
    ("Dense: integers", lambda: sgd_step(backprop(Network([Dense([[1]])]), [1], [0]), 0.1).layers[0].W, [[0.8]]),
    ("Dense: booleans", lambda: forward(Network([Dense([[True], [False]])]), [1, 0]).y_hat, [[1.0]]),
    ("forward: float32 input", lambda: forward(TWO, np.float32([3, 3])).y_hat.dtype.name, "float64"),
    ("forward: negative strides", lambda: forward(NET, X[::-1, ::-1]).y_hat, forward(NET, X[::-1, ::-1].copy()).y_hat),
    ("forward: Fortran order", lambda: forward(NET, np.asfortranarray(X)).y_hat, forward(NET, X).y_hat),
    ("gradcheck: an input of stride 0", lambda: gradcheck.check(
        backprop(TWO, np.broadcast_to(0.5, (4, 2)), np.ones((4, 1)))).ok, True),
    ("gradcheck: a kink", lambda: gradcheck.differences(
        backprop(Network([Dense([[1.0]], [0.0], "relu")]), [0.0], [1.0]), "b1")[1].tolist(), [True]),
    ("backprop: twice", lambda: backprop(NET, X, Y).loss - backprop(NET, X, Y).loss, 0.0),
    ("loss: far apart", lambda: MSE.value([2.0**500], [-(2.0**500)]), 2.0**1002),
    ("optimizer: no parameters", lambda: Network([]), ValueError, ("layers must be a list of Dense, at least one",)),
    ("leaky_relu: the largest slope", lambda: leaky_relu(0.9999).f([-1.0]), [-0.9999]),
]  # fmt: skip

TUTOR = [
    ("check: no trace", lambda: check(NET, "loss", 1), TypeError, ("needed a Trace", r"backprop\(", "got Network")),
    ("check: a forward pass", lambda: check(forward(NET, X[:1]), "loss", 1), TypeError, ("needed a Trace",)),
    ("check: an unknown value", lambda: check(LECTURE, "dW9[1,1]", 1), ValueError, (r"unknown value 'dW9\[1,1\]'",)),
    ("check: no answers", lambda: check(LECTURE, {}), ValueError, ("at least one answer", "got an empty chain")),
    ("check: a chain and an answer", lambda: check(LECTURE, {"loss": 1}, 2), ValueError, ("do not pass an answer",)),
    ("check: a name that is a number", lambda: check(LECTURE, 5, 1), ValueError, (NAME, "got '5'")),
    ("check: given is a number", lambda: check(LECTURE, "loss", 1, given=5), TypeError, ("given must be", "got 5")),
    ("check: given is unknown", lambda: check(LECTURE, "loss", 1, given=["q"]), ValueError, (NAME, "got 'q'")),
    ("check: rate of 0", lambda: check(LECTURE, "loss", 1, learning_rate=0), ValueError, ("positive finite", "got 0")),
    ("check: no rate", lambda: check(LECTURE, "W1_new[1,1]", 1), ValueError, ("learning_rate",)),
    ("check: nothing for an array", lambda: check(LECTURE, "dW1", []).status, "unreadable"),
    ("check: an empty array", lambda: check(LECTURE, "dW1", np.zeros((0, 2))).status, "unreadable"),
    ("check: ten levels of brackets", lambda: check(LECTURE, "dW1", deep(10)).status, "unreadable"),
    ("check: a huge exponent", lambda: check(LECTURE, "loss", "1e-9999999999999").status, "unreadable"),
    ("check: infinity", lambda: check(LECTURE, "loss", np.inf).status, "unreadable"),
    ("check: True", lambda: check(LECTURE, "loss", True).status, "unreadable"),
    ("check: dots", lambda: check(LECTURE, "loss", ...).status, "not answered"),
    ("check: a million numbers", lambda: check(LECTURE, "dW1", range(10**6)).status, "unreadable"),
    ("check: a class", lambda: check(LECTURE, "loss", Network).status, "unreadable"),
    ("solution: one digit", lambda: solve(LECTURE, digits=1), ValueError, ("digits must be", "2 to 15", "got 1")),
    ("solve: True digits", lambda: solve(LECTURE, digits=True), ValueError, ("digits must be", "got True")),
    ("solution: a notation", lambda: solve(LECTURE, notation="greek"),
     ValueError, ("unknown notation 'greek'", "lecture")),
    ("solve: no trace", lambda: solve("exercise.toml"), TypeError, ("needed a Trace", "got 'exercise.toml'")),
    ("solve: a batch", lambda: solve(backprop(NET, X, Y), "z1[1]"), ValueError, ("example", r"z1\[1\]@1")),
    ("steps: no trace", lambda: steps(None), TypeError, ("needed a Trace", "got None")),
    ("steps: a rate", lambda: steps(LECTURE, "fast"), ValueError, ("learning_rate must be", "got 'fast'")),
    ("hint: an unknown value", lambda: hint(LECTURE, "dW3"), ValueError, ("unknown value 'dW3'", "Known")),
    ("hint: a notation", lambda: hint(LECTURE, "dW1[1,1]", notation=1), ValueError, ("unknown notation 1",)),
    ("save: no path", lambda: SOLUTION.save(5), TypeError, ("needed the name of a file", "got 5")),
    ("to_markdown: no level", lambda: SOLUTION.to_markdown(6), ValueError, ("from 1 to 5", "got 6")),
    ("to_html: no level", lambda: SOLUTION.to_html(99), ValueError, ("from 1 to 5", "got 99")),
    ("save: an ending", lambda: SOLUTION.save("a.pdf"), ValueError, (r"\.txt, \.md or \.html", "got 'a.pdf'")),
    ("save: no name", lambda: SOLUTION.save(""), ValueError, (r"\.txt, \.md or \.html", "got ''")),
    ("save: an existing file", lambda: SOLUTION.save(written("a.txt")), FileExistsError, ("already exists", "force")),
    ("save: a link to nowhere", lambda: SOLUTION.save(linked("a.txt", "b")), FileExistsError, ("already exists",)),
    ("save: twice with force", lambda: SOLUTION.save(written("a.txt"), force=True).read_text("utf-8")[:3],
     SOLUTION.text[:3]),
    ("check_function: a call", lambda: check_function("relu", 0.5), TypeError, ("needed a function", "got 0.5")),
    ("check_function: a name", lambda: check_function("rellu", abs), ValueError, ("Did you mean 'relu'",)),
    ("check_function: targets", lambda: check_function("relu", abs, targets=2),
     ValueError, ("targets must be", "got 2")),
    ("check_function: an array as targets", lambda: check_function("relu", abs, targets=X),
     ValueError, ("targets must",)),
    ("check_function: raises", lambda: check_function("relu", lambda z: z.foo).status, "wrong"),
    ("check_function: returns itself", lambda: check_function("relu", lambda z: check_function).status, "unreadable"),
    ("diagnose: no function", lambda: diagnose(3, sizes=[2, 1], activations=["tanh"]),
     TypeError, ("a function", "got 3")),
    ("diagnose: a seed", lambda: diagnose(abs, sizes=[2, 1], activations=["tanh"], seed=-1), ValueError,
     ("seed must be a whole number", "got -1")),
    ("diagnose: a nested seed", lambda: diagnose(abs, sizes=[2, 1], activations=["tanh"], seed=deep(99)), ValueError,
     ("seed must be a whole number",)),
    ("diagnose: a batch of 10**9", lambda: diagnose(abs, sizes=[2, 1], activations=["tanh"], batch=10**9), ValueError,
     ("at most 4000", "got 3000000000")),
    ("diagnose: a layout", lambda: diagnose(abs, sizes=[2, 1], activations=["tanh"], layout="up"), ValueError,
     ("layout must be", "got 'up'")),
    ("diagnose: returns nothing", lambda: diagnose(lambda *_: None, sizes=[2, 1], activations=["tanh"]).status,
     "wrong"),
    ("problem: a topic", lambda: practice.problem("bais"), ValueError, ("unknown topic", "Did you mean 'bias'")),
    ("problem: a level", lambda: practice.problem("bias", level=99), ValueError, ("level of bias must be", "got 99")),
    ("problem: a seed", lambda: practice.problem("bias", seed=0.5), TypeError, ("seed must be", r"got 0\.5")),
    ("problem: an answer", lambda: PROBLEM.check("word").status, "unreadable"),
    ("problem: a notation", lambda: PROBLEM.hint("greek"), ValueError, ("unknown notation",)),
    ("problem: digits", lambda: PROBLEM.solution(digits=99), ValueError, ("digits must be", "got 99")),
    ("problem: faded digits", lambda: PROBLEM.faded(digits="4"), ValueError, ("digits must be", "got '4'")),
]  # fmt: skip

TRAINING = [
    ("train: no network", lambda: train([2, 1], X, YES), TypeError, ("needed a Network", r"got \[2, 1\]")),
    ("train: no epochs", lambda: train(TWO, X, YES, epochs=0), ValueError, ("epochs must be", "got 0")),
    ("train: epochs without end", lambda: train(TWO, X, YES, epochs=10**400),
     ValueError, ("epochs must be", "at most")),
    ("train: a time span", lambda: train(TWO, X, YES, epochs=np.timedelta64(5, "s")), ValueError, ("epochs must be",)),
    ("train: a batch", lambda: train(TWO, X, YES, batch_size=1.5), ValueError, ("batch_size must be", r"got 1\.5")),
    ("train: an optimizer", lambda: train(TWO, X, YES, optimizer="adam"), TypeError, ("SGD", "got 'adam'")),
    ("train: patience", lambda: train(TWO, X, YES, patience=2), ValueError, ("validation set",)),
    ("train: a dtype", lambda: train(TWO, X, YES, dtype="\ud800"), ValueError, ("float64 or float32",)),
    ("train: a dtype of any letters", lambda: train(TWO, X, YES, dtype="f" * 10**5),
     ValueError, ("float64 or float32",)),
    ("SGD: a rate", lambda: SGD(-1), ValueError, ("learning_rate must be", "got -1")),
    ("SGD: NaN", lambda: SGD(np.nan), ValueError, ("learning_rate must be", "got nan")),
    ("Momentum: 1", lambda: Momentum(0.1, 1), ValueError, ("momentum must be", "below 1", "got 1")),
    ("Momentum: a convention", lambda: Momentum(convention="old"), ValueError, ("convention must be", "pytorch")),
    ("Adam: beta", lambda: Adam(beta1="0.9"), ValueError, ("beta1 must be", "got '0.9'")),
    ("Adam: epsilon", lambda: Adam(epsilon=0), ValueError, ("epsilon must be", "got 0")),
    ("Network: a generator of sizes", lambda: Network.initialize((n for n in (2, 1)), ["tanh"]),
     ValueError, ("sizes must",)),
    ("astype: letters", lambda: NET.astype("a" * 10**5), ValueError, ("float64 or float32", "got 'aaa")),
    ("moons: no points", lambda: datasets.moons(0), ValueError, ("n must be", "got 0")),
    ("moons: too many points", lambda: datasets.moons(10**400), ValueError, ("n must be", "1,000,000")),
    ("rings: noise", lambda: datasets.rings(noise=-1), ValueError, ("noise must be", "got -1")),
    ("wave: a seed", lambda: datasets.wave(rng=42), ValueError, ("rng must be", "got 42")),
    ("spirals: turns", lambda: datasets.spirals(turns="two"), ValueError, ("turns must be", "got 'two'")),
    ("spirals: endless turns", lambda: datasets.spirals(turns=np.inf), ValueError, ("turns must be", "got inf")),
    ("split: a share", lambda: datasets.xor().split(np.random.default_rng(0), 2), ValueError, ("share must be",)),
    ("one_hot: 10**9 classes", lambda: one_hot([0], 10**9), ValueError, ("classes must be", "at most 1,000,000")),
    ("gradcheck: names", lambda: gradcheck.check(LECTURE)["dW3"], KeyError, ("unknown gradient 'dW3'", "Known: dW2")),
]  # fmt: skip

MODELS = [
    ("from_keras: a number", lambda: from_keras(3), TypeError, ("needed a Keras model", "got a int", "Pass the model")),
    ("from_torch: a class", lambda: from_torch(dict), TypeError, ("needed a PyTorch module", "the class dict")),
    ("torch_code: no network", lambda: torch_code(None, X), TypeError, ("needed a Network", "got None")),
    ("keras_code: no network", lambda: keras_code([Dense([[1.0]])], X), TypeError, ("needed a Network", "got ")),
    ("torch_code: x", lambda: torch_code(NET, [1.0]), ValueError, ("x must have 2 values", "got 1")),
    ("keras_code: a custom loss", lambda: keras_code(NET, X, Y, Loss("mine", np.add, np.add)), ValueError,
     ("a program can have the losses", "got a custom loss, mine")),
    ("torch_code: a custom activation", lambda: torch_code(
        Network([Dense([[1.0]], None, Activation("mine", np.abs, np.sign))]), [1.0]), ValueError,
     ("a program can have the activations", "got a custom activation, mine")),
]  # fmt: skip

PICTURES = [
    ("draw: no pass", lambda: draw(NET), TypeError, ("needed a Forward", "got Network")),
    ("draw: an example", lambda: draw(LECTURE, example=2), ValueError, ("example must lie between 1 and 1", "got 2")),
    ("draw: a view", lambda: draw(LECTURE, view="up"), ValueError, ("unknown view 'up'",)),
    ("draw: lit", lambda: draw(LECTURE, lit=3), TypeError, ("lit must be a list of names", "got 3")),
    ("draw: known", lambda: draw(LECTURE, known=0.5), TypeError, ("known must be a list of names", r"got 0\.5")),
    ("plot_activation: a name", lambda: plotting.plot_activation("tahn"), ValueError, ("Did you mean 'tanh'",)),
    ("plot_loss: none", lambda: plotting.plot_loss([]), ValueError, ("one to 4 losses", "got 0")),
    ("plot_loss: a number", lambda: plotting.plot_loss(3), TypeError, ("losses must be a list of names", "got 3")),
    ("plot_loss: a target", lambda: plotting.plot_loss(["mse"], y="one"), ValueError, ("y must be", "got 'one'")),
    ("plot_surface: a path", lambda: plotting.plot_surface(LECTURE, "W1[1,1]", "b1[1]", path=[1]), ValueError,
     ("path must be a list of Network", r"got \(1,\)")),
    ("plot_surface: around", lambda: plotting.plot_surface(LECTURE, "W1[1,1]", "b1[1]", around=0), ValueError,
     ("around must be a positive", "got 0")),
    ("plot_surface: a name", lambda: plotting.plot_surface(LECTURE, "W1", "b1[1]"), ValueError, ("unknown weight",)),
    ("plot_boundary: no network", lambda: plotting.plot_boundary(None, X, YES), TypeError, ("needed a Network",)),
    ("plot_boundary: lists", lambda: len(plotting.plot_boundary(TWO, X.tolist(), YES.tolist()).lines), 2),
    ("plot_boundary: one input", lambda: plotting.plot_boundary(ONE, YES, YES),
     ValueError, ("two inputs", "got Network")),
    ("plot_boundary: too few targets", lambda: plotting.plot_boundary(TWO, X, [1.0]),
     ValueError, ("shape of the pred",)),
    ("plot_boundary: an output", lambda: plotting.plot_boundary(TWO, X, YES, output="1"), ValueError,
     ("output must lie between 1 and 1", "got '1'")),
    ("plot_history: a list", lambda: plotting.plot_history([1.0]), TypeError, ("needed a History", r"got \[1\.0\]")),
    ("plot_histograms: a network", lambda: plotting.plot_histograms(NET), TypeError, ("needed a Trace",)),
    ("plot_first_layer: no network", lambda: plotting.plot_first_layer(X, (2, 2)), TypeError, ("needed a Network",)),
    ("plot_first_layer: a shape", lambda: plotting.plot_first_layer(CLASSIFIER, 4),
     ValueError, ("shape must be", "got 4")),
    ("plot_first_layer: columns", lambda: plotting.plot_first_layer(CLASSIFIER, (2, 2), columns=0), ValueError,
     ("columns must be", "got 0")),
    ("plot_images: a shape", lambda: plotting.plot_images(IMAGES, Y, (3, 3)), ValueError, ("needs 9 values",)),
    ("plot_images: too few classes", lambda: plotting.plot_images(IMAGES, Y[:1], (2, 2)), ValueError,
     ("a row of y", r"got shapes \(2, 4\) and \(1, 2\)")),
    ("plot_confusion: labels", lambda: plotting.plot_confusion(CLASSIFIER, IMAGES, [0, 1]),
     ValueError, ("one-hot|shape",)),
    ("plot_surface: a huge distance", lambda: plotting.plot_surface(LECTURE, "W1[1,1]", "b1[1]", around=1e100),
     ValueError, ("around must be", r"up to 1e6")),
    ("plot_surface: a huge weight", lambda: plotting.plot_surface(huge(1), "W1[1,1]", "b1[1]").get_xlabel(),
     "W1[1,1]"),
    ("plot_first_layer: a huge weight", lambda: plotting.plot_first_layer(huge(2).network, (1, 2)), ValueError,
     (r"numbers up to 1e\+100", r"got 1e\+308")),
    ("describe: no axes", lambda: plotting.describe(None), ValueError, ("needed the axes of a plot", "got None")),
]  # fmt: skip


def huge(inputs):
    """Return the pass of a network with huge weights, which does not overflow."""
    return backprop(Network([Dense([[-1e308]] * inputs, [0.1], "sigmoid")]), [0.1] * inputs, [1.0])


def an_explorer():
    return explore(NET, X[:1], Y[:1])


EXPLORERS = [
    ("explore: no network", lambda: explore(None, X, Y), TypeError, ("needed a Network", "got None")),
    ("explore: controls", lambda: explore(NET, X, Y, controls=5), TypeError, ("controls must be", "got 5")),
    ("explore: an unknown control", lambda: explore(NET, X, Y, controls="W9[1,1]"), ValueError, ("unknown", "W9")),
    ("explore: a rate", lambda: explore(NET, X, Y, learning_rate=-1),
     ValueError, ("learning_rate must", "got −1|got -1")),
    ("explore: a long question", lambda: explore(NET, X[:1], Y[:1], predict="a" * 10**5).predict[:2], "aa"),
    ("explore: a question about nothing", lambda: explore(NET, X[:1], Y[:1], predict="Is W9[9,9] up?"), ValueError,
     (r"W9\[9,9\]",)),
    ("explorer: a weight that is too large", lambda: an_explorer().set({"W1[1,1]": 1e308}),
     ValueError, (r"W1\[1,1\] is too large", "at most 1e")),
    ("explore_activation: z", lambda: explore_activation(z="high"), ValueError, ("z must", "got 'high'")),
    ("explore_activation: softmax", lambda: explore_activation("softmax"),
     ValueError, ("softmax has no curve", "such as sigmoid")),
    ("explore_boundary: no network", lambda: explore_boundary(X, X, Y), TypeError, ("needed a Network",)),
    ("explore_boundary: one input", lambda: explore_boundary(ONE, [1], [1]), ValueError, ("two inputs", "got Network")),
    ("explore_image: no network", lambda: explore_image(None, IMAGES[0]), TypeError, ("needed a Network",)),
    ("explore_image: a shape", lambda: explore_image(CLASSIFIER, IMAGES[0], shape="2x2"),
     ValueError, ("shape must be",)),
    ("explore_image: too bright", lambda: explore_image(CLASSIFIER, IMAGES[0] * 9, shape=(2, 2)), ValueError,
     ("pixels", "between 0 and 1")),
    ("explore_image: labels", lambda: explore_image(CLASSIFIER, IMAGES[0], shape=(2, 2), labels=["cat"]), ValueError,
     ("labels must hold 2 words", "got 1")),
    ("explore_image: labels as a number", lambda: explore_image(
        CLASSIFIER, IMAGES[0], shape=(2, 2), labels=2), TypeError, ("labels must be a list", "got 2")),
    ("explore_live: no network", lambda: explore_live("net", X, YES), TypeError, ("needed a Network", "got 'net'")),
    ("explore_live: a shape", lambda: explore_live(TWO, X, YES, shape=4), ValueError, ("shape must be", "got 4")),
    ("explore_loss: none", lambda: explore_loss([]), ValueError, ("one to four losses", "got 0")),
    ("explore_loss: a number", lambda: explore_loss(3), TypeError, ("losses must be a list of names", "got 3")),
    ("explore_loss: a prediction", lambda: explore_loss(y_hat=2),
     ValueError, ("between 0 and 1", r"got 1\.0 and 2\.0")),
    ("explore_surface: a huge weight", lambda: explore_surface(huge(1).network, [0.1], [1.0]), ValueError,
     (r"W1\[1,1\] is too large", "at most 1e")),
    ("explore_surface: one number twice", lambda: explore_surface(NET, X, Y, second="W1[1,1]"), ValueError,
     ("two different numbers",)),
    ("explore_training: data", lambda: explore_training("moon"), ValueError, ("moon",)),
    ("explore_training: width", lambda: explore_training(width=0), ValueError, ("width", "got 0")),
    ("Explorer: no scene", lambda: Explorer(None), ValueError, ("needed a scene", "got None")),
    ("set: a pair", lambda: an_explorer().set(("W1[1,1]", 1)), ValueError, ("needed names and numbers", "got ")),
    ("set: a name", lambda: an_explorer().set({"W9": 1}), ValueError, ("unknown", "W9")),
    ("set: text", lambda: an_explorer().set({"W1[1,1]": "up"}), ValueError, ("number", "up")),
    ("press: a button", lambda: an_explorer().press("jump"), ValueError, ("unknown button 'jump'", "Known")),
]  # fmt: skip

FAR_LAYERS = [{"weights": [[1.0]], "activation": "identity"}] * 20_000
EXERCISES = [
    ("exercise: a batch of 20,000", lambda: read_exercise(exercise(x=[[1]] * 20_000, y=[[1]] * 20_000)),
     ExerciseFileError, ("small network", "more than 20,000 bytes")),
    ("exercise: 20,000 layers", lambda: read_exercise(exercise(layers=FAR_LAYERS)),
     ExerciseFileError, ("small network",)),
    ("exercise: spaces without end", lambda: read_exercise(written("a.toml", b" " * 10**6)), ExerciseFileError,
     ("small network",)),
    ("exercise: a key of 9,000 parts", lambda: read_exercise(written("a.toml", ".".join("a" * 4500) + "=1")),
     ExerciseFileError, ("unknown key 'a'",)),
    ("exercise: /dev/zero", lambda: read_exercise(linked("a.toml", "/dev/zero")),
     ExerciseFileError, ("ordinary file",)),
    ("exercise: a pipe", lambda: read_exercise(pipe("a.json")), ExerciseFileError, ("ordinary file",)),
    ("exercise: a link to itself", lambda: read_exercise(linked("a.json", "a.json")), ExerciseFileError,
     ("cannot be read",)),
    ("exercise: a folder", lambda: read_exercise(written("a.json/b").parent), ExerciseFileError, ("ordinary file",)),
    ("exercise: no file", lambda: read_exercise("none.json"),
     ExerciseFileError, ("none.json: cannot be read: No such",)),
    ("exercise: an ending", lambda: read_exercise(written("a.yaml")), ExerciseFileError, (r"\.toml or \.json",)),
    ("exercise: lists without end", lambda: read_exercise(raw("[" * 15_000)), ExerciseFileError, ("far too deep",)),
    ("exercise: tables without end", lambda: read_exercise(written("a.toml", "x = " + "[" * 15_000)),
     ExerciseFileError, ("far too deep",)),
    ("exercise: a number of 5,000 digits", lambda: read_exercise(raw("[1" + "0" * 5000 + "]")), ExerciseFileError,
     ("not valid JSON", "4300 digits", "conversion|value")),
    ("exercise: a number beyond every float", lambda: read_exercise(raw("[1" + "0" * 400 + "]")), ExerciseFileError,
     ("x: ", "fit a float")),
    ("exercise: a huge exponent", lambda: read_exercise(raw("[1e9999999999999]")),
     ExerciseFileError, ("x: ", "infinity")),
    ("exercise: a tiny number", lambda: read_exercise(raw("[1e-9999999999999]")).trace.loss, 1.0),
    ("exercise: NaN", lambda: read_exercise(raw("[NaN]")), ExerciseFileError, ("x: x must hold finite numbers",)),
    ("exercise: a key twice", lambda: read_exercise(raw('[1], "x": [2]')), ExerciseFileError, ("'x' appears twice",)),
    ("exercise: half a character as a key", lambda: read_exercise(written("a.json", r'{"\ud800": 1}')),
     ExerciseFileError, ("unknown key", "ud800")),
    ("exercise: a date", lambda: read_exercise(written(
        "a.toml", "x=2020-01-01\ny=1\nloss='mse'\nlayers=[{weights=[[1]],"
     "activation='relu'}]")), ExerciseFileError, ("x: x must hold real numbers", "date")),
    ("exercise: a list of text", lambda: read_exercise(exercise(x=["1"])), ExerciseFileError, ("x: ", "real numbers")),
    ("exercise: a leak", lambda: read_exercise(exercise(layer={"activation": "leaky_relu(2)"})), ExerciseFileError,
     (r"layers\[1\]\.activation: ", "below 1")),
    ("exercise: half a layer", lambda: read_exercise(exercise(layers=[{}])),
     ExerciseFileError, ("'weights' is missing",)),
]  # fmt: skip


def roster(content):
    return read_roster(written("class.csv", content)).names


ROSTERS = [
    ("roster: nothing", lambda: roster(""), ValueError, ("class.csv contains no names", "one name in each line")),
    ("roster: only a header", lambda: roster("name\n"), ValueError, ("contains no names, only the header",)),
    ("roster: Latin-1", lambda: roster("Zoë".encode("latin-1")), ValueError, ("not in UTF-8", "save it again")),
    ("roster: UTF-16", lambda: roster("Ada\nBob\n".encode("utf-16-le")), ValueError, ("not in UTF-8",)),
    ("roster: columns without headings", lambda: roster("Ada,7\nBob,8\n"),
     ValueError, ("row 1", "without a known heading")),
    ("roster: a row without a name", lambda: roster("name,id\n,7\n"), ValueError, ("row 2 needs a name",)),
    ("roster: a long name", lambda: roster("a" * 201), ValueError, ("more than 200 letters",)),
    ("roster: a quote that never ends", lambda: roster('name\n"Ada\n'), ValueError, ("not a list of names",)),
    ("roster: a pipe", lambda: read_roster(pipe("class.csv")), ValueError, ("not an ordinary file",)),
    ("roster: /dev/zero", lambda: read_roster(Path("/dev/zero")), ValueError, ("not an ordinary file",)),
    ("roster: control characters", lambda: roster("Ada\x1b[31m\nBob\u202e\n"), ("Ada [31m", "Bob")),
    ("roster: numbered students", lambda: roster("Student 1\nStudent 2\n"), ("Student 1", "Student 2")),
    ("roster: a formula", lambda: roster("name\n=1+1\n"), ("=1+1",)),
    ("roster: 50,000 students", lambda: len(roster("".join(f"S{i}\n" for i in range(50_000)))), 50_000),
]  # fmt: skip

HANDED_IN = [
    ("notebook: no JSON", lambda: handed("{"), UnreadableFileError, ("is not a notebook",)),
    ("notebook: a list", lambda: handed("[]"), UnreadableFileError, ("needed a JSON object",)),
    ("notebook: deep", lambda: handed("[" * 10**5), UnreadableFileError, ("nested too deeply|not a notebook",)),
    ("notebook: a key twice", lambda: handed('{"a": 1, "a": 2}'), UnreadableFileError, ("same key twice",)),
    ("notebook: format 3", lambda: handed('{"nbformat": 3}'), UnreadableFileError, ("format 4; got 3",)),
    ("notebook: no cells", lambda: handed(notebook(cells=5)), UnreadableFileError, ("needed a list of cells",)),
    ("notebook: Latin-1", lambda: handed(b"\xff{}"), UnreadableFileError, ("not UTF-8",)),
    ("notebook: a formula in code", lambda: handed(notebook("answers_1 = {'loss': open('x')}")),
     {1: {1: {"loss": "open('x')"}}}),
    ("notebook: a huge exponent", lambda: handed(notebook('answers_1 = {"loss": 1e-9999999999999}')),
     {1: {1: {"loss": "1e-9999999999999"}}}),
    ("notebook: a source as a number", lambda: handed(notebook(5, [None, 1])), {1: {}}),
    ("notebook: no metadata", lambda: handed(notebook(metadata=7)), {1: {}}),
    ("notebook: 20,000 braces", lambda: handed(notebook("answers_1 = " + "{" * 20_000)), {1: {}}),
    ("notebook: 5,000 answers", lambda: len(handed(notebook(
        "answers_1 = {" + ",".join(f'"z1[{i}]": 1' for i in range(1500)) + "}"))[1][1]), 200),
    ("table: columns", lambda: table(header="a,b"),
     UnreadableFileError, ("needed the columns sheet, question", "got 'a, b'")),
    ("table: nothing", lambda: handed("", "a.csv"), UnreadableFileError, ("needed the columns",)),
    ("table: a control character", lambda: table("1\x1d,1,loss,1"), {1: {1: {"loss": "1"}}}),
    ("table: a huge sheet number", lambda: table("9" * 5000 + ",1,loss,1"), {}),
    ("table: a number in a different script", lambda: table("٣,1,loss,1"), {}),
    ("table: a decimal comma", lambda: table("1,1,loss,0,25"), {1: {1: {"loss": "0,25"}}}),
    ("table: a cell of 200,000 characters", lambda: table("1,1,loss," + "1" * 200_000), UnreadableFileError,
     ("is not a table", "line 2")),
    ("archive: no archive", lambda: said_of(b"PK"), ["all.zip cannot be unpacked: File is not a zip file."]),
    ("archive: a path out of it", lambda: archive({"../a.csv": ""}),
     ["all.zip/../a.csv has a path that leads out of its archive."]),
    ("archive: in an archive in an archive", lambda: archive({"a.zip": zipped({"b.zip": zipped({"c.csv": b""})})}),
     ["all.zip/a.zip/b.zip is an archive in an archive in an archive. Unpack it."]),
    ("archive: a bomb", lambda: archive({"a.csv": b"0" * 3_000_000})[0][:38], "all.zip/a.csv has 3,000,000 bytes, but"),
    ("archive: many entries", lambda: archive({"a.zip": zipped({f"{i}.csv": b"" for i in range(1001)})}),
     ["all.zip/a.zip contains 1,001 files; at most 1,000 are read."]),
    ("archive: a list of 16 million bytes", lambda: said_of(ends_with(16_000_000)),
     ["all.zip lists too many files; at most 50,000 are read."]),
    ("archive: the same in the record for large archives", lambda: said_of(ends_with(2**40, large=True)),
     ["all.zip lists too many files; at most 50,000 are read."]),
    ("folder: a pipe", lambda: (pipe("a.csv"), said())[1], ["a.csv is not a regular file; needed the file itself."]),
    ("folder: a link", lambda: (linked("a.csv", "/dev/zero"), said())[1], ["a.csv is a link; needed the file itself."]),
    ("folder: many files", lambda: len(list(handed_in(many_files(300)))), 300),
    ("key: none", lambda: read_record(Path("none")), UnreadableFileError, ("class.json", "No such file")),
    ("key: damaged", lambda: read_record(written("key/class.json", "[]").parent), UnreadableFileError, ("class.json",)),
    ("key: a count beyond reason", lambda: read_record(
        written("key/class.json", json.dumps({"count": 10**400})).parent),
     UnreadableFileError, ("does not describe a class",)),
    ("key: a pipe", lambda: read_record(pipe("key/class.json").parent), UnreadableFileError, ("not a regular file",)),
]  # fmt: skip


def said_of(data):
    written("all.zip", data)
    return said()


def zipped(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for entry, content in entries.items():
            made.writestr(entry, content)
    return file.getvalue()


def ends_with(size, *, large=False):
    """Return an archive of one file whose end says that the list of its files has this many bytes."""
    data = zipped({"a.csv": b""})
    if large:
        return data[:-22] + b"PK\6\6" + bytes(36) + size.to_bytes(8, "little") + bytes(28) + data[-22:]
    return data[:-10] + size.to_bytes(4, "little") + data[-6:]


def many_files(count):
    for number in range(count):
        written(f"in/{number}.csv")
    return Path("in")


COMMANDS = [
    ("bpcourse: nothing", lambda: run(), CommandError, ("bpcourse: error: ", "COMMAND")),
    ("bpcourse: a command", lambda: run("solv"), CommandError, ("invalid choice: 'solv'",)),
    ("bpcourse: a null byte", lambda: run("solve", "a\0.toml"), CommandError, ("null|cannot",)),
    ("solve: no file", lambda: run("solve", "none.toml"), CommandError, ("bpcourse: none.toml: cannot be read",)),
    ("solve: a folder", lambda: run("solve", "."), CommandError, (r"\.toml or \.json",)),
    ("solve: a pipe", lambda: run("solve", pipe("a.toml")), CommandError, ("ordinary file",)),
    ("solve: an unknown value", lambda: run("solve", exercise(), "dW9"),
     CommandError, ("unknown value 'dW9'", "Known")),
    ("solve: unit 00", lambda: run("solve", exercise(), "W1[00,1]"), CommandError, ("units count from 1",)),
    ("solve: one digit", lambda: run("solve", exercise(), "--digits", 1), CommandError, ("2 to 15; got 1",)),
    ("solve: digits", lambda: run("solve", exercise(), "--digits", "four"),
     CommandError, ("invalid 'whole number' value",)),
    ("solve: a notation", lambda: run("solve", exercise(), "--notation", "greek"),
     CommandError, ("invalid choice: 'greek'",)),
    ("solve: an ending", lambda: run("solve", exercise(), "--output", "a.pdf"),
     CommandError, (r"\.txt, \.md or \.html",)),
    ("solve: an existing file", lambda: run("solve", exercise(), "--output", written("b.txt")), CommandError,
     ("already exists", "--force|force")),
    ("solve: a link to nowhere", lambda: run("solve", exercise(), "--output", linked("b.txt", "c")), CommandError,
     ("already exists",)),
    ("solve: no folder", lambda: run("solve", exercise(), "--output", "none/b.txt"),
     CommandError, ("cannot read or write",)),
    ("solve: two names in one file", lambda: run("solve", exercise(), "dW1", "b1", "--output", "b.txt"), CommandError,
     ("saves one solution",)),
    ("solve: a name of 10,000 letters", lambda: run("solve", exercise(), "W" * 10_000), CommandError, (NAME,)),
    ("solve: a key of 10,000 letters", lambda: run("solve", exercise(**{"k" * 10_000: 1})),
     CommandError, ("unknown key",)),
    ("solve: a tiny number", lambda: len(run("solve", raw("[1e-9999999999999]"))) > 0, True),
    ("lab: a file", lambda: run("lab", written("taken")), CommandError, ("taken is a file",)),
    ("lab: a link to itself", lambda: run("lab", linked("a", "a")), CommandError, ("a",)),
    ("lab: a port", lambda: run("lab", "new", "--port", 99999),
     CommandError, ("port 99999 cannot be used", "Try --port")),
    ("lab: a port as text", lambda: run("lab", "new", "--port", "x"),
     CommandError, ("invalid 'whole number' value: 'x'",)),
    ("lab: a name of 300 letters", lambda: run("lab", "x" * 300), CommandError, ("cannot write", "File name too long")),
    ("reset: a lesson", lambda: run("reset", "99"), CommandError, ("unknown lesson '99'", "00_start_here")),
    ("reset: nothing", lambda: run("reset", ""), CommandError, ("unknown lesson ''",)),
    ("reset: a pattern", lambda: run("reset", "*"), CommandError, ("unknown lesson '\\*'",)),
    ("update: a file", lambda: run("update", written("taken")), "0 lessons updated in taken.\n"),
    ("solutions: a file", lambda: run("solutions", written("taken")), CommandError, ("taken",)),
    ("sheet: no count", lambda: run("sheet", "--seed", SECRET), CommandError, ("--count 30", "--names class.csv")),
    ("sheet: count 0", lambda: run("sheet", "--seed", SECRET, "--count", 0),
     CommandError, ("must be 1 to 100000; got 0",)),
    ("sheet: count -1", lambda: run("sheet", "--seed", SECRET, "--count", -1), CommandError, ("got -1",)),
    ("sheet: a billion", lambda: run("sheet", "--seed", SECRET, "--count", 10**9),
     CommandError, ("must be 1 to 100000",)),
    ("sheet: a level", lambda: run("sheet", "--seed", SECRET, "--count", 1, "--level", 9),
     CommandError, ("level", "9")),
    ("sheet: a topic", lambda: run("sheet", "--seed", SECRET, "--count", 1, "--topic", "bais"), CommandError,
     ("unknown topic 'bais'. Did you mean 'bias'",)),
    ("sheet: a format", lambda: run("sheet", "--format", "doc"), CommandError, ("invalid choice: 'doc'",)),
    ("sheet: no list", lambda: run("sheet", "--seed", SECRET, "--names", "none.csv"), CommandError, ("none.csv",)),
    ("sheet: a pipe", lambda: run("sheet", "--seed", SECRET, "--names", pipe("a.csv")),
     CommandError, ("ordinary file",)),
    ("sheet: an empty list", lambda: run("sheet", "--seed", SECRET, "--names", written("a.csv")),
     CommandError, ("no names",)),
    ("sheet: a file for a folder", lambda: run("sheet", "--seed", SECRET, "--count", 1, "--out", written("taken")),
     CommandError, ("taken",)),
    ("sheet: a different secret", lambda: run("sheet", "--topic", "bias", "--count", 2, "--seed", "another secret",
     "--out", a_class().parent), CommandError, ("another secret", "different folder")),
    ("sheet: fewer than names", lambda: run(
        "sheet", "--seed", SECRET, "--count", 1, "--names", written("a.csv", "A\nB\n")),
     CommandError, ("2 names for 1 sheets",)),
    ("mark: no folder", lambda: run("mark", "none", "--class", "key"), CommandError, ("none is not a directory",)),
    ("mark: no key", lambda: run("mark", ".", "--class", "none", "--seed", SECRET), CommandError, ("class.json",)),
    ("mark: nothing handed in", lambda: mark(), CommandError, ("contain no notebook", "archive")),
    ("mark: a different secret", lambda: mark(seed="another secret"), CommandError, ("different secret", "--seed")),
    ("mark: no such table", lambda: mark("--table", "none.csv"), CommandError, ("none.csv is not a file",)),
    ("mark: a pipe as the table", lambda: mark("--table", pipe("p.csv")), CommandError, ("p.csv is not a file",)),
    ("mark: an existing report", lambda: (written("marks/report.html"), mark())[1], CommandError,
     ("already exists", "--force")),
    ("mark: a separator", lambda: mark("--separator", "|"), CommandError, (r"invalid choice: '\|'",)),
    ("mark: a damaged archive", lambda: "Skipped: all.zip cannot be unpacked" in (written("hand/all.zip"), mark())[1],
     True),
    ("mark: a huge exponent", lambda: "Marked: 1 of 2 sheets" in (
        written("hand/a.csv", "sheet,question,name,answer\n1,1,loss,1e-9999999999999\n"), mark())[1], True),
]  # fmt: skip
NEW = [*NUMBERS, *NAMES, *SATURATED, *TUTOR, *TRAINING, *MODELS, *PICTURES, *EXPLORERS]
NEW += [*EXERCISES, *ROSTERS, *HANDED_IN, *COMMANDS]
CASES = [Case(*row) for row in (*engine_cases.ROWS, *NEW)]


# Each argument of each function replaced by values of any kind

ANYTHING = [
    *(
        None,
        -1,
        0.5,
        10**400,
        float("nan"),
        "word",
        "",
        "a" * 10**5,
        1j,
        [],
        [[1], [2, 3]],
        deep(50),
        {},
        {1},
        object(),
    ),
    *(Network, np.timedelta64(5, "s"), TWO, ..., b"1", range(3)),
    *(np.array([0.5, 1.5]), np.array(["word", "mse"]), np.array(0.5), np.array([True, False]), np.zeros((0, 2)), X),
    *(np.datetime64("NaT"), np.ma.masked, Fraction(1, 3), abs, True, float("inf"), 1e308),
    *(2**31, np.uint8(2), np.array(3), "\ud800"),
]
CALLS = {
    "Dense": (Dense, {"W": [[0.5]], "b": [0.1], "activation": "tanh", "dtype": float}),
    "Network": (Network, {"layers": [Dense([[1.0]])]}),
    "Network.initialize": (Network.initialize, {"sizes": [2, 1], "activations": ["tanh"], "rng": None}),
    "Network.astype": (NET.astype, {"dtype": float}),
    "SGD": (SGD, {"learning_rate": 0.1}),
    "Momentum": (Momentum, {"learning_rate": 0.1, "momentum": 0.9, "convention": "pytorch"}),
    "Adam": (Adam, {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}),
    "leaky_relu": (leaky_relu, {"slope": 0.1}),
    "Activation.f": (SIGMOID.f, {"z": [0.5]}),
    "Activation.df": (SIGMOID.df, {"z": [0.5]}),
    "Activation.backward": (SIGMOID.backward, {"z": [0.5], "da": [1.0]}),
    "Activation.jacobian": (SOFTMAX.jacobian, {"z": [0.5]}),
    "Loss.value": (BCE.value, {"y": [1.0], "y_hat": [0.5], "base": 2.0}),
    "Loss.gradient": (MSE.gradient, {"y": [1.0], "y_hat": [0.5]}),
    "Loss.value_from_logits": (BCE.value_from_logits, {"y": [1.0], "z": [0.5]}),
    "Loss.gradient_from_logits": (CE.gradient_from_logits, {"y": [1.0, 0.0], "z": [0.5, 0.3]}),
    "one_hot": (one_hot, {"labels": [0, 1], "classes": 2}),
    "forward": (forward, {"network": NET, "x": X}),
    "backprop": (backprop, {"network": NET, "x": X, "y": Y, "loss": "mse"}),
    "sgd_step": (sgd_step, {"trace": LECTURE, "learning_rate": 0.1}),
    "train": (train, {"network": TWO, "x": X, "y": YES, "loss": "mse", "optimizer": None, "epochs": 1, "batch_size": 1,
                      "validation": None, "patience": None, "rng": None, "dtype": None, "accuracy": False,
                      "snapshots": (), "progress": False, "on_epoch": None}),
    "gradcheck.check": (gradcheck.check, {"trace": LECTURE, "step": 1e-4}),
    "gradcheck.differences": (gradcheck.differences, {"trace": LECTURE, "name": "W1", "step": 1e-4}),
    "moons": (datasets.moons, {"n": 4, "noise": 0.1, "rng": None}),
    "spirals": (datasets.spirals, {"n": 4, "noise": 0.1, "turns": 1.0, "rng": None}),
    "wave": (datasets.wave, {"n": 4, "noise": 0.1, "rng": None}),
    "check": (check, {"trace": LECTURE, "name": "dW1[1,1]", "answer": 1, "learning_rate": 0.1, "given": ()}),
    "check_function": (check_function, {"name": "relu", "f": RELU.f, "targets": "any"}),
    "solve": (solve, {"trace": LECTURE, "name": "b1[1]", "notation": "standard", "digits": 4, "learning_rate": 0.1}),
    "steps": (steps, {"trace": LECTURE, "learning_rate": 0.1}),
    "hint": (hint, {"trace": LECTURE, "name": "dW1[1,1]", "learning_rate": None, "notation": "standard"}),
    "problem": (practice.problem, {"topic": "bias", "level": 1, "seed": 0}),
    "Problem.check": (PROBLEM.check, {"answer": 1}),
    "parse_number": (parse_number, {"text": "0.5"}),
    "format_number": (format_number, {"value": 0.5, "digits": 4, "signed": False}),
    "torch_code": (torch_code, {"network": NET, "x": X, "y": Y, "loss": "mse"}),
    "keras_code": (keras_code, {"network": NET, "x": X, "y": Y, "loss": "mse"}),
    "from_torch": (from_torch, {"module": None}),
    "from_keras": (from_keras, {"model": None}),
    "draw": (draw, {"passed": LECTURE, "notation": "standard", "example": 1, "lit": (), "known": None, "view": "both",
                    "path": ""}),
    "explore": (explore, {"network": ONE, "x": [1.0], "y": [1.0], "loss": "mse", "learning_rate": 0.5, "controls": None,
                          "notation": "standard"}),
    "explore_activation": (explore_activation, {"activation": "tanh", "z": 0.5}),
    "explore_loss": (explore_loss, {"losses": ("mse",), "y": 1.0, "y_hat": 0.7}),
    "explore_surface": (explore_surface, {
        "network": NET, "x": X[:1], "y": Y[:1], "first": "W1[1,1]", "second": "b1[1]", "loss": "mse",
        "learning_rate": 0.5, "controls": None, "predict": None, "notation": "standard"}),
    "explore_boundary": (explore_boundary, {
        "network": TWO, "x": X, "y": YES, "loss": "mse", "learning_rate": 0.5, "controls": None, "predict": None,
        "notation": "standard"}),
    "explore_training": (explore_training, {
        "data": "xor", "learning_rate": 0.1, "width": 2, "epochs": 2, "seed": 0, "activation": "tanh",
        "predict": None}),
    "explore_live": (explore_live, {"network": CLASSIFIER, "x": IMAGES, "y": Y, "loss": "mse", "optimizer": None,
                                    "batch_size": 1, "shape": (2, 2), "labels": ["a", "b"], "seed": 0}),
    "explore_image": (explore_image, {
        "network": CLASSIFIER, "image": IMAGES[0], "shape": (2, 2), "labels": ["a", "b"], "predict": None}),
    "Explorer.set": (AN_EXPLORER.set, {"values": {"W1[1,1]": 0.1}}),
    "Explorer.set, one value": (lambda value: AN_EXPLORER.set({"W1[1,1]": value}), {"value": 0.1}),
    "Explorer.set, a pitfall": (lambda value: AN_EXPLORER.set({"pitfall": value}), {"value": ""}),
    "Explorer.press": (AN_EXPLORER.press, {"button": "update"}),
    "LiveExplorer.press": (explore_live(TWO, X, YES, loss="mse").press, {"button": "epoch"}),
    "diagnose": (diagnose, {"function": lambda *given: given, "sizes": [2, 1], "activations": ["tanh"], "loss": "mse",
                            "bias": True, "batch": 2, "layout": "rows", "learning_rate": None, "seed": 0}),
    "check, one of a chain": (lambda answer: check(LECTURE, {"z1[1]": answer}), {"answer": 0.1}),
    "check, an array": (lambda answer: check(LECTURE, "dW1", answer), {"answer": [[0.1, 0.2], [0.3, 0.4]]}),
    "Problem.solution": (PROBLEM.solution, {"digits": 4}),
    "Problem.hint": (PROBLEM.hint, {"notation": "standard"}),
    "Solution.save": (SOLUTION.save, {"path": "solution.txt", "force": True}),
    "Solution.to_markdown": (SOLUTION.to_markdown, {"level": 2}),
    "Solution.to_html": (SOLUTION.to_html, {"level": 2, "breaks": True, "folded": False}),
    "Explorer.value": (lambda value: setattr(AN_EXPLORER, "value", {**AN_EXPLORER.value, "W1[1,1]": value}), {
        "value": 0.1}),
    "train in float32": (lambda network: train(network, X, YES, dtype="float32", epochs=1, progress=False), {
        "network": TWO}),
    "plot_images, small integers": (lambda columns: plotting.plot_images(
        np.zeros((5, 4)), one_hot([0, 1, 1, 0, 0], 2), (2, 2), columns=columns), {"columns": 2}),
    "rings": (datasets.rings, {"n": 4, "noise": 0.1, "rng": None}),
    "plot_activation": (plotting.plot_activation, {"activation": "tanh", "ax": None}),
    "plot_loss": (plotting.plot_loss, {"losses": ["mse"], "y": 1.0, "ax": None}),
    "plot_surface": (plotting.plot_surface, {
        "trace": LECTURE, "first": "W1[1,1]", "second": "b1[1]", "path": (), "around": 1.0, "ax": None}),
    "plot_boundary": (plotting.plot_boundary, {"network": TWO, "x": X, "y": YES, "output": 1, "ax": None}),
    "plot_history": (plotting.plot_history, {"history": HISTORY, "ax": None}),
    "plot_histograms": (plotting.plot_histograms, {"trace": LECTURE, "gradients": False, "ax": None}),
    "plot_first_layer": (plotting.plot_first_layer, {
        "network": CLASSIFIER, "shape": (2, 2), "columns": 2, "ax": None}),
    "plot_images": (plotting.plot_images, {
        "x": IMAGES, "y": Y, "shape": (2, 2), "network": CLASSIFIER, "columns": 2, "ax": None}),
    "plot_confusion": (plotting.plot_confusion, {"network": CLASSIFIER, "x": IMAGES, "y": Y, "ax": None}),
    "describe": (plotting.describe, {"ax": None}),
    "Trace[]": (LECTURE.__getitem__, {"name": "W1"}),
    "LOSSES[]": (LOSSES.__getitem__, {"name": "mse"}),
    "ACTIVATIONS.pick": (ACTIVATIONS.pick, {"wanted": "tanh"}),
    "MISTAKES[]": (MISTAKES.__getitem__, {"name": "no_input_factor"}),
}  # fmt: skip


# The checker


def same(found, expected):
    """Return whether two values are equal; NaN equals NaN, and only floats are compared as arrays."""
    if isinstance(found, np.ndarray):
        return np.array_equal(found, np.asarray(expected, dtype=float), equal_nan=True)
    return found == expected and type(found) in (type(expected), np.float64)


def prints():
    return [array.tobytes() for array in SHARED]


def problem_of(call, expected, pieces=()):
    """Return the problem of a call: a different result, an unclear message, a warning or a changed argument."""
    before = prints()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = call()
    except Exception as error:
        if not isinstance(expected, (type, tuple)) or not isinstance(error, expected):
            return f"{type(error).__name__}: {error}"
        message = str(error)
        problems = [f"lacks {piece}" for piece in pieces if not re.search(piece, message)]
        problems += [f"says {words}" for words in OTHERS_WORDS.findall(message)]
        problems += ["is too long"] * (len(message) > LONGEST)
        shown = error.__suppress_context__ or error.__context__ is None or isinstance(error, OSError)
        problems += [] if shown else ["shows another error above it"]
        problem = f"{message}: {', '.join(problems)}" if problems else ""
    else:
        problem = "" if expected is ANY or same(found, expected) else f"returned {found!r}"
    return problem if before == prints() else f"{problem} changed its arguments"


ANY = object()


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """Work in an empty folder. A call that takes more than a minute fails instead of waiting without end."""

    def ring(*_):
        raise TimeoutError("this call does not end")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(cli.SECRET, raising=False)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, ring)
        signal.alarm(60)
    yield tmp_path
    if hasattr(signal, "SIGALRM"):
        signal.alarm(0)
    plt.close("all")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among files")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input__defined_value_or_clear_error(case, own_folder):
    assert problem_of(case.call, case.expected, case.pieces) == ""


@pytest.mark.parametrize("name", CALLS)
def test_argument__of_any_kind(name, own_folder):
    function, arguments = CALLS[name]
    for argument in arguments:
        for value in ANYTHING:
            problem = problem_of(lambda given=arguments | {argument: value}: function(**given), ANY)
            kind, _, message = problem.partition(": ")
            documented = kind in ("", "ValueError", "TypeError", "UnknownNameError")
            assert documented and not OTHERS_WORDS.search(message) and len(message) < LONGEST, (
                argument,
                value,
                problem,
            )


def test_cases__are_at_least_250_with_different_names():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 250


def test_unknown_name__is_a_key_error_and_a_value_error():
    for row in engine_cases.NAMES:
        for error in (KeyError, ValueError):
            with pytest.raises(error):
                row[1]()


MADE_BY_FUNCTIONS = {"Diagram", "Example", "Forward", "History", "Solution", "Step", "Trace", "Verdict"}
WITHOUT_ARGUMENTS = {
    *("Explorer.close", "Explorer.unlock", "Example.backprop", "Loss.logits", "History.losses"),
    *("Activation.start", "Loss.of_pass", "Loss.shares"),  # as of_pass is called by backprop, and shares by value
    *("SGD.start", "Momentum.start", "Adam.start"),  # called by train
    *(
        "Solution.sides",
        "Step.recompute",
        "Step.terms",
        "Step.units",
        "Step.near",
    ),
}


def used(code):
    """Return the global names and attributes that a function uses, also in the functions inside it."""
    inner = [used(each) for each in code.co_consts if hasattr(each, "co_names")]
    return set(code.co_names).union(*inner)


def test_cases__call_everything_public():
    names = set().union(*(used(case.call.__code__) for case in CASES))
    assert {name for name in bpcourse.__all__ if name not in names} <= MADE_BY_FUNCTIONS
    kinds = [getattr(bpcourse, name) for name in bpcourse.__all__]
    for kind in filter(inspect.isclass, kinds):
        methods = [name for name, each in vars(kind).items() if callable(each) and not name.startswith("_")]
        assert [
            name for name in methods if name not in names and f"{kind.__name__}.{name}" not in WITHOUT_ARGUMENTS
        ] == []
    for module in (datasets, plotting):
        functions = [name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__]
        missing = [name for name in functions if name[0].islower() and name not in names]
        assert [name for name in missing if name not in ("digits", "shown")] == []


EDGE_CASES = json.loads((PROJECT / "tests" / "data" / "edge_cases.json").read_text(encoding="utf-8"))["cases"]
COVERED = {  # the number in edge_cases.json, and the case here
    1: "loss: (3, 1) and (3,)", 2: "loss: (3,) and (2,)", 4: "value from logits", 5: "layers that do not chain",
    7: "x: a row where a column was meant", 8: "x: three dimensions", 10: "x: three values for two inputs",
    11: "x and y of different length", 16: "one class", 17: "loss of nothing", 19: "softmax: nothing",
    20: "W: no units", 22: "optimizer: no parameters", 23: "check: an empty array", 25: "sigmoid: slope at 37",
    26: "sigmoid: slope at 1000", 28: "softmax: 1e308", 29: "softmax: minus infinity",
    31: "cross-entropy: certain and right", 32: "cross-entropy: certain and wrong", 34: "softplus of 1000",
    35: "log of the sigmoid of -1000", 37: "float16", 38: "binary cross-entropy of 0 and 1", 40: "probability 1.1",
    41: "binary target 2, from logits", 46: "probability -0.1", 47: "label out of range", 49: "label 0.5",
    50: "one_hot: as targets", 52: "x and y of different length", 53: "one_hot: one class only", 55: "Dense: integers",
    56: "Dense: integers", 58: "Dense: booleans", 59: "softmax: integers", 61: "forward: float32 input",
    62: "x: strings", 64: "x: object array", 65: "x: NaN", 67: "forward: negative strides",
    68: "forward: Fortran order", 70: "forward: negative strides", 71: "gradcheck: an input of stride 0",
    73: "relu: slope at NaN", 74: "relu: NaN",
    77: "backprop: twice", 79: "gradient check in float32", 80: "gradcheck: a kink", 82: "learning rate -1",
    83: "learning rate nan", 86: "a layer of 0 units",
}  # fmt: skip
NOT_COVERED = {
    13: "our softmax has no axis: it is taken over the units of each example",
    14: "our softmax has no axis: it is taken over the units of each example",
    43: "there is no loss that takes logarithms of probabilities",
    44: "a network's softmax output goes into the loss only once; logits may be any numbers",
    76: "backprop only differentiates a loss, which is one number",
    85: "a loss has no setting for its reduction; mse and half_sse are two losses",
}


def test_edge_cases__each_is_covered_or_has_a_reason():
    assert sorted([*COVERED, *NOT_COVERED]) == [case["n"] for case in EDGE_CASES]
    assert {*COVERED.values()} <= {case.name for case in CASES}


@pytest.mark.parametrize(
    ("call", "expected", "problem"),
    [
        (lambda: 1 / 0, ValueError, "ZeroDivisionError: division by zero"),
        (lambda: 0.5, 0.25, "returned 0.5"),
        (lambda: np.array([np.nan]), [0.0], "returned array"),
        (lambda: True, 1.0, "returned True"),
        (lambda: forward(TWO, [1]), 0.5, "ValueError: x must"),
        (lambda: np.log(np.zeros(1)), -np.inf, "RuntimeWarning: divide by zero"),
        (lambda: X.fill(0), None, "changed its arguments"),
        (lambda: np.zeros(2) @ np.zeros(3), ValueError, "says gufunc"),
        (lambda: int("a" * 2000), ValueError, "says invalid literal"),
    ],
)
def test_checker__finds_a_call_that_is_wrong(call, expected, problem):
    kept = X.copy()
    assert problem in problem_of(call, expected)
    X[:] = kept


def test_checker__finds_what_a_message_lacks_and_an_error_above_it():
    def twice():
        try:
            raise KeyError(1)
        except KeyError:
            raise ValueError("needed a row; got 3")  # noqa: B904

    assert problem_of(twice, ValueError, ("got 3", "row")).endswith("shows another error above it")
    assert problem_of(lambda: parse_number("a"), ValueError, ("needed", "got 'b'")).endswith(": lacks got 'b'")
    assert problem_of(lambda: parse_number("a"), ValueError, ("needed", "got 'a'")) == ""


def test_run__accepts_only_one_line_on_stderr(monkeypatch):
    for wrong in ("Traceback:\nValueError\n", "\n", ""):
        monkeypatch.setattr(cli, "main", lambda words, wrong=wrong: (print(wrong, end="", file=cli.sys.stderr), 2)[1])
        with pytest.raises(AssertionError):
            run()
