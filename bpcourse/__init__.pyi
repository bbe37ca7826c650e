from .engine import datasets, gradcheck
from .engine.activations import ACTIVATIONS, Activation, leaky_relu
from .engine.backpropagation import Trace, backprop
from .engine.examples import EXAMPLES, Example
from .engine.losses import LOSSES, Loss, one_hot
from .engine.network import Dense, Forward, Network, forward
from .engine.optimizers import SGD, Adam, Momentum
from .engine.training import History, sgd_step, train
from .interop.programs import keras_code, torch_code
from .interop.readers import from_keras, from_torch
from .numbers import format_number, parse_number
from .pictures import plotting
from .pictures.diagram import Diagram, draw
from .pictures.explorers import (
    Explorer,
    explore,
    explore_activation,
    explore_boundary,
    explore_live,
    explore_loss,
    explore_surface,
    explore_training,
)
from .tutor import practice
from .tutor.equations import Step, steps
from .tutor.functions import check_function
from .tutor.marking import Verdict, check, hint
from .tutor.mistakes import MISTAKES
from .tutor.solutions import Solution
from .tutor.worked import solve

__version__: str

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
    "format_number",
    "forward",
    "from_keras",
    "from_torch",
    "gradcheck",
    "hint",
    "keras_code",
    "leaky_relu",
    "one_hot",
    "parse_number",
    "plotting",
    "practice",
    "sgd_step",
    "solve",
    "steps",
    "torch_code",
    "train",
]
