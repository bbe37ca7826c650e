"""A course on backpropagation in which every number has its formula, and every formula its numbers.

`backprop` sends a batch through a small network and back, and returns a `Trace` of every number on the way.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bpcourse.engine.activations import ACTIVATIONS, Activation, leaky_relu
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LOSSES, Loss, one_hot
from bpcourse.engine.network import Dense, Forward, Network, forward
from bpcourse.notation import number, read_number

if TYPE_CHECKING:
    from bpcourse.engine import datasets, gradcheck
    from bpcourse.engine.examples import EXAMPLES, Example
    from bpcourse.engine.optimizers import SGD, Adam, Momentum
    from bpcourse.engine.programs import keras_code, torch_code
    from bpcourse.engine.training import History, sgd_step, train
    from bpcourse.pictures import plotting
    from bpcourse.pictures.diagram import Diagram, draw
    from bpcourse.pictures.explorers import (
        Explorer,
        explore,
        explore_activation,
        explore_boundary,
        explore_live,
        explore_loss,
        explore_surface,
        explore_training,
    )
    from bpcourse.tutor import practice
    from bpcourse.tutor.equations import Step, steps
    from bpcourse.tutor.functions import check_function
    from bpcourse.tutor.marking import Verdict, check, hint
    from bpcourse.tutor.mistakes import MISTAKES
    from bpcourse.tutor.worked import Solution, solve

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "EXAMPLES",
    "LOSSES",
    "MISTAKES",
    "SGD",
    "Activation",
    "Adam",
    "Dense",
    "Diagram",
    "Example",
    "Explorer",
    "Forward",
    "History",
    "Loss",
    "Momentum",
    "Network",
    "Solution",
    "Step",
    "Trace",
    "Verdict",
    "backprop",
    "check",
    "check_function",
    "datasets",
    "draw",
    "explore",
    "explore_activation",
    "explore_boundary",
    "explore_live",
    "explore_loss",
    "explore_surface",
    "explore_training",
    "forward",
    "gradcheck",
    "hint",
    "keras_code",
    "leaky_relu",
    "number",
    "one_hot",
    "plotting",
    "practice",
    "read_number",
    "sgd_step",
    "solve",
    "steps",
    "torch_code",
    "train",
]

_LATER = {
    "EXAMPLES": "engine.examples",
    "Example": "engine.examples",
    "SGD": "engine.optimizers",
    "Adam": "engine.optimizers",
    "Momentum": "engine.optimizers",
    "History": "engine.training",
    "sgd_step": "engine.training",
    "train": "engine.training",
    "Diagram": "pictures.diagram",
    "draw": "pictures.diagram",
    "plotting": "pictures.plotting",
    "Explorer": "pictures.explorers",
    "explore": "pictures.explorers",
    "explore_activation": "pictures.explorers",
    "explore_boundary": "pictures.explorers",
    "explore_live": "pictures.explorers",
    "explore_loss": "pictures.explorers",
    "explore_surface": "pictures.explorers",
    "explore_training": "pictures.explorers",
    "MISTAKES": "tutor.mistakes",
    "Solution": "tutor.worked",
    "Step": "tutor.equations",
    "Verdict": "tutor.marking",
    "check": "tutor.marking",
    "check_function": "tutor.functions",
    "datasets": "engine.datasets",
    "gradcheck": "engine.gradcheck",
    "hint": "tutor.marking",
    "keras_code": "engine.programs",
    "practice": "tutor.practice",
    "solve": "tutor.worked",
    "steps": "tutor.equations",
    "torch_code": "engine.programs",
}


def __getattr__(name: str) -> object:
    """Import what not everybody needs when it is first asked for: `import bpcourse` costs little more than NumPy."""
    if name not in _LATER:
        raise AttributeError(f"module 'bpcourse' has no attribute {name!r}")
    module = import_module(f"bpcourse.{_LATER[name]}")
    return getattr(module, name, module)  # some are themselves modules


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
