from .engine import (
    datasets as datasets,
    gradcheck as gradcheck,
)
from .engine.activations import (
    ACTIVATIONS as ACTIVATIONS,
    Activation as Activation,
    leaky_relu as leaky_relu,
)
from .engine.backpropagation import (
    Trace as Trace,
    backprop as backprop,
)
from .engine.examples import (
    EXAMPLES as EXAMPLES,
    Example as Example,
)
from .engine.losses import (
    LOSSES as LOSSES,
    Loss as Loss,
    one_hot as one_hot,
)
from .engine.network import (
    Dense as Dense,
    Forward as Forward,
    Network as Network,
    forward as forward,
)
from .engine.optimizers import (
    SGD as SGD,
    Adam as Adam,
    Momentum as Momentum,
)
from .engine.training import (
    History as History,
    sgd_step as sgd_step,
    train as train,
)
from .explorers.explore import (
    explore as explore,
    explore_activation as explore_activation,
    explore_boundary as explore_boundary,
    explore_image as explore_image,
    explore_live as explore_live,
    explore_loss as explore_loss,
    explore_surface as explore_surface,
    explore_training as explore_training,
)
from .explorers.widget import (
    Explorer as Explorer,
)
from .interop.programs import (
    keras_code as keras_code,
    torch_code as torch_code,
)
from .interop.readers import (
    from_keras as from_keras,
    from_torch as from_torch,
)
from .numbers import (
    format_number as format_number,
    parse_number as parse_number,
)
from .pictures import plotting as plotting
from .pictures.diagram import (
    Diagram as Diagram,
    draw as draw,
)
from .tutor import practice as practice
from .tutor.diagnosis import diagnose as diagnose
from .tutor.equations import (
    Step as Step,
    steps as steps,
)
from .tutor.functions import check_function as check_function
from .tutor.hints import hint as hint
from .tutor.marking import check as check
from .tutor.mistakes import MISTAKES as MISTAKES
from .tutor.solutions import Solution as Solution
from .tutor.verdicts import Verdict as Verdict
from .tutor.worked import solve as solve

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
    "diagnose",
    "draw",
    "explore",
    "explore_activation",
    "explore_boundary",
    "explore_image",
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
