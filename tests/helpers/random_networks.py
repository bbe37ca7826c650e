"""Two hundred small random networks, the same in every run, which cover everything that the engine allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from bpcourse import Dense, Network, Trace, backprop, forward, leaky_relu

ACTIVATION_NAMES = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax")
OUTPUTS = {
    "mse": ACTIVATION_NAMES,
    "half_sse": ACTIVATION_NAMES,
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("softmax",),
}
PAIRS = tuple((output, loss) for loss, outputs in OUTPUTS.items() for output in outputs)
"""Every output activation with every loss that it can have."""

LARGEST_Z = 8.0  # beyond it, a formula in ŷ (which the tests compare with) loses digits in 1 − ŷ
NEAREST_TO_KINK = 1e-3  # no z of a rectifier is closer to 0, where the slope is a convention


@dataclass(frozen=True, eq=False)
class Case:
    """A network with a batch. `x` and `y` have shape `(n, units)`."""

    id: str
    network: Network
    x: np.ndarray
    y: np.ndarray
    loss: str

    def backprop(self) -> Trace:
        return backprop(self.network, self.x, self.y, self.loss)


@cache
def random_cases(count: int = 200, seed: int = 1) -> tuple[Case, ...]:
    """Make `count` cases. The first 84 are each hidden activation with each pair of output and loss."""
    rng = np.random.default_rng(seed)
    wanted = list(product(ACTIVATION_NAMES, PAIRS))
    cases = []
    for number in range(count):
        hidden, (output, loss) = wanted[number % len(wanted)]
        depth = int(rng.integers(2 if number < len(wanted) else 1, 4))
        names = [*rng.choice(ACTIVATION_NAMES, 1), hidden, output][-depth:]
        network, x = _network(names, rng)
        y = _targets(loss, (len(x), network.sizes[-1]), rng)
        cases.append(Case(f"{number}-{'-'.join(names)}-{loss}", network, x, y, loss))
    return tuple(cases)


def cases_by_output() -> dict[str, list[Case]]:
    """Group the cases by their output activation and loss."""
    groups: dict[str, list[Case]] = {f"{output}-{loss}": [] for output, loss in PAIRS}
    for case in random_cases():
        output = case.network.layers[-1].activation.name.partition("(")[0]
        groups[f"{output}-{case.loss}"].append(case)
    return groups


def _network(names: list[str], rng: np.random.Generator) -> tuple[Network, np.ndarray]:
    """Make a network with these activations, and a batch that is far from kinks and saturation."""
    while True:
        sizes = [int(rng.integers(1, 6))]
        for name in names:
            fewest = 2 if name == "softmax" else 1
            sizes.append(int(rng.choice([size for size in range(fewest, 6) if size != sizes[-1]])))
        layers = []
        for n_in, n_out, name in zip(sizes, sizes[1:], names, strict=False):
            b = rng.normal(0, 0.5, n_out) if rng.random() < 0.7 else None
            activation = leaky_relu(0.2) if name == "leaky_relu" and rng.random() < 0.5 else name
            layers.append(Dense(rng.normal(0, 1, (n_in, n_out)), b, activation))
        network, x = Network(layers), rng.normal(0, 1, (int(rng.integers(1, 6)), sizes[0]))
        if _is_calm(network, x):
            return network, x


def _is_calm(network: Network, x: np.ndarray) -> bool:
    passed = forward(network, x)
    for number, layer in enumerate(network.layers, start=1):
        size = np.abs(passed[f"z{number}"])
        if size.max() > LARGEST_Z or (layer.activation.rectifier and size.min() < NEAREST_TO_KINK):
            return False
    return True


def _targets(loss: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    kind = rng.choice(["hard", "soft", "free"])
    if loss == "binary_cross_entropy":
        return rng.integers(0, 2, shape).astype(float) if kind == "hard" else rng.uniform(0, 1, shape)
    if loss == "categorical_cross_entropy":
        if kind == "hard":
            return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
        return rng.dirichlet(np.ones(shape[1]), shape[0]) if kind == "soft" else rng.uniform(0, 1, shape)
    return rng.normal(0, 1, shape)
