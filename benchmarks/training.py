"""Print how long a training step takes: ours compared with PyTorch, JAX, autograd, scikit-learn and micrograd.

    python benchmarks/training.py [WORK …]        # works: single, points, digits, images; default: all

Every peer trains the same network on the same batches in the same precision, with one thread on one core, in a
separate process. The peers take turns, and the median counts. The parameters after ten steps are compared as well:
peers that start from our weights must agree with `train` to 1e-12 in float64 and 2e-6 in float32. "limit" is only
the matrix products, the gathering of the batch and the least elementwise work, all in fixed buffers. Peers that are
not installed are listed as missing: pip install -e ".[bench]".
"""

from __future__ import annotations

import json
import math
import operator
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import numpy as np

from bpcourse import SGD, Adam, Network, datasets, train
from bpcourse.engine.optimizers import Optimizer
from bpcourse.engine.tape import Parameters

ROUNDS = 5
SECONDS = 0.7  # that a measurement takes, roughly
STEPS = 2000  # of a timed training, at least
CHECKED = 10  # steps after which the parameters are compared
APART = {"float64": 1e-12, "float32": 2e-6}  # at most


@dataclass(frozen=True)
class Work:
    """A network and the data to train it on."""

    title: str
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    optimizer: Optimizer
    examples: int
    batch: int
    dtype: str

    def data(self) -> tuple[Network, np.ndarray, np.ndarray]:
        """Make the network and the examples, the same in every process."""
        rng = np.random.default_rng(0)
        network = Network.initialize(self.sizes, self.activations, rng).astype(self.dtype)
        if self.sizes[0] == 64:
            digits = datasets.digits()
            rows = rng.permutation(len(digits.x))[: self.examples]
            return network, digits.x[rows].astype(self.dtype), digits.y[rows].astype(self.dtype)
        x = rng.normal(size=(self.examples, self.sizes[0]))
        if self.loss == "categorical_cross_entropy":
            y = np.eye(self.sizes[-1])[rng.integers(0, self.sizes[-1], self.examples)]
        elif self.loss == "binary_cross_entropy":
            y = (x[:, :1] * x[:, 1:] > 0).astype(float)
        else:
            y = rng.uniform(0.2, 0.8, size=(self.examples, self.sizes[-1]))
        return network, x.astype(self.dtype), y.astype(self.dtype)


WORKS = {
    "single": Work("2-2-2, one example, SGD", (2, 2, 2), ("sigmoid", "sigmoid"), "mse", SGD(0.5), 1, 1, "float64"),
    "points": Work(
        "2-16-16-1, 1,000 points at once, Adam", (2, 16, 16, 1), ("tanh", "tanh", "sigmoid"), "binary_cross_entropy",
        Adam(0.01), 1000, 1000, "float32",
    ),
    "digits": Work(
        "64-32-10, digits, batches of 32, Adam", (64, 32, 10), ("relu", "softmax"), "categorical_cross_entropy",
        Adam(0.001), 44 * 32, 32, "float32",
    ),
    "images": Work(
        "784-128-10, 59,904 examples, batches of 128, SGD", (784, 128, 10), ("relu", "softmax"),
        "categorical_cross_entropy", SGD(0.1), 468 * 128, 128, "float32",
    ),
}  # fmt: skip

Step = Callable[[np.ndarray, np.ndarray], object]
"""One step of training on a batch."""


def batches(work: Work, count: int, examples: int = 0) -> list[np.ndarray]:
    """Draw the first `count` batches, as row numbers: one shuffle per epoch, as in `train`."""
    rng, n, found = np.random.default_rng(0), examples or work.examples, []
    while len(found) < count:
        order = rng.permutation(n) if work.batch < n else np.arange(n)
        found += [order[start : start + work.batch] for start in range(0, n, work.batch)]
    return found[:count]


def checked(work: Work) -> tuple[int, list[np.ndarray]]:
    """Choose the examples and batches of the ten steps that are compared."""
    examples = min(CHECKED * work.batch, work.examples)
    return examples, batches(work, CHECKED, examples)


# The peers. Each takes the work, and returns a step and a function that reads the parameters like `Parameters`.


def layers_of(network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
    """Get the weights and biases of each layer."""
    return [(layer.W, layer.b) for layer in network.layers]


def flat(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Put weights, (inputs, units), and biases into one vector, as `Parameters` does."""
    blocks = (np.column_stack([np.asarray(W, float).T, np.asarray(b, float)]).ravel() for W, b in pairs)
    return np.concatenate(list(blocks))


def torch_eager(work: Work, network: Network, fused: bool = False):
    """PyTorch, one operation after the other."""
    import torch

    torch.set_num_threads(1)
    names = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
    modules = []
    for k, (W, b) in enumerate(layers_of(network)):
        linear = torch.nn.Linear(*W.shape, dtype=getattr(torch, work.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T.copy()))
            linear.bias.copy_(torch.tensor(b.copy()))
        modules.append(linear)
        if k + 1 < len(network.layers) or work.loss == "mse":
            modules.append(names[work.activations[k]]())
    model = torch.nn.Sequential(*modules)
    losses = {
        "mse": torch.nn.MSELoss(),
        "binary_cross_entropy": torch.nn.BCEWithLogitsLoss(),
        "categorical_cross_entropy": torch.nn.CrossEntropyLoss(),
    }
    loss, rate = losses[work.loss], work.optimizer.learning_rate
    kind = torch.optim.Adam if isinstance(work.optimizer, Adam) else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=rate, **({"fused": True} if fused else {}))

    def prepare(x, y):
        targets = y.argmax(axis=1) if work.loss == "categorical_cross_entropy" else y
        return torch.from_numpy(x), torch.from_numpy(np.ascontiguousarray(targets))

    def step(x, y):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    def read():
        linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
        return flat([(each.weight.detach().numpy().T, each.bias.detach().numpy()) for each in linear])

    def gather(x, y, rows):
        rows = torch.from_numpy(rows)
        return x[rows], y[rows]

    return step, read, prepare, gather


def torch_fused(work: Work, network: Network):
    """PyTorch with the optimizer's fused kernel."""
    return torch_eager(work, network, fused=True)


def _jax(work: Work, network: Network):
    """Import JAX, and make a pure update and its first state."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", work.dtype == "float64")
    names = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}

    def loss(layers, x, y):
        for k, (W, b) in enumerate(layers):
            z = x @ W + b
            x = z if k + 1 == len(layers) else names[work.activations[k]](z)
        if work.loss == "mse":
            return ((jax.nn.sigmoid(z) - y) ** 2).mean()
        if work.loss == "binary_cross_entropy":
            return (jnp.logaddexp(0, z) - y * z).mean()
        return -(y * jax.nn.log_softmax(z)).sum(axis=1).mean()

    rate, adam = work.optimizer.learning_rate, work.optimizer if isinstance(work.optimizer, Adam) else None

    def update(state, x, y):
        layers, m, v, t = state
        g = jax.grad(loss)(layers, x, y)
        t = t + 1
        if adam is None:
            return jax.tree.map(lambda w, g: w - rate * g, layers, g), m, v, t
        m = jax.tree.map(lambda m, g: adam.beta1 * m + (1 - adam.beta1) * g, m, g)
        v = jax.tree.map(lambda v, g: adam.beta2 * v + (1 - adam.beta2) * g * g, v, g)
        one, two = 1 - adam.beta1**t, 1 - adam.beta2**t
        moved = jax.tree.map(lambda w, m, v: w - rate * (m / one) / (jnp.sqrt(v / two) + adam.epsilon), layers, m, v)
        return moved, m, v, t

    layers = [(jnp.array(W), jnp.array(b)) for W, b in layers_of(network)]
    m, v = (
        jax.tree.map(jnp.zeros_like, layers) for _ in range(2)
    )  # two, because a step passes its buffers on to the next
    return jax, update, (layers, m, v, jnp.zeros((), work.dtype))


def jax_step(work: Work, network: Network):
    """JAX with a compiled step."""
    jax, update, state = _jax(work, network)
    compiled = jax.jit(update, donate_argnums=0)

    def step(x, y):
        nonlocal state
        state = compiled(state, x, y)

    def read():
        jax.block_until_ready(state)
        return flat(state[0])

    prepare = (lambda x, y: (jax.numpy.array(x), jax.numpy.array(y))) if work.batch >= work.examples else None
    return step, read, prepare, None


def autograd_step(work: Work, network: Network):
    """HIPS autograd."""
    import autograd.numpy as anp
    from autograd import grad

    names = {"sigmoid": lambda z: 1 / (1 + anp.exp(-z)), "tanh": anp.tanh, "relu": lambda z: anp.maximum(z, 0)}

    def loss(layers, x, y):
        for k, (W, b) in enumerate(layers):
            z = anp.dot(x, W) + b
            x = z if k + 1 == len(layers) else names[work.activations[k]](z)
        if work.loss == "mse":
            return anp.mean((names["sigmoid"](z) - y) ** 2)
        if work.loss == "binary_cross_entropy":
            return anp.mean(anp.logaddexp(0, z) - y * z)
        shifted = z - anp.max(z, axis=1, keepdims=True)
        return -anp.sum(y * (shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True)))) / len(y)

    return _numpy_peer(work, network, grad(loss))


def textbook(work: Work, network: Network):
    """Make a plain NumPy loop, as in many blog posts."""
    functions = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}

    def gradient(layers, x, y):
        outputs = [x]
        for (W, b), name in zip(layers, work.activations, strict=True):
            z = outputs[-1] @ W + b
            if name == "softmax":
                e = np.exp(z - z.max(axis=1, keepdims=True))
                z = e / e.sum(axis=1, keepdims=True)
            else:
                z = functions[name](z)
            outputs.append(z)
        a = outputs[-1]
        dz = 2 * (a - y) / y.size * a * (1 - a) if work.loss == "mse" else (a - y) / len(y)
        found = []
        for k in range(len(layers) - 1, -1, -1):
            found.insert(0, (outputs[k].T @ dz, dz.sum(axis=0)))
            if k:
                a = outputs[k]
                slopes = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2, "relu": lambda a: a > 0}
                dz = dz @ layers[k][0].T * slopes[work.activations[k - 1]](a)
        return found

    return _numpy_peer(work, network, gradient)


def _numpy_peer(work: Work, network: Network, gradient):
    layers = [(W.copy(), b.copy()) for W, b in layers_of(network)]
    adam = work.optimizer if isinstance(work.optimizer, Adam) else None
    rate, means, squares, t = work.optimizer.learning_rate, None, None, 0

    def step(x, y):
        nonlocal layers, means, squares, t
        g, t = gradient(layers, x, y), t + 1
        if adam is None:
            layers = [(W - rate * dW, b - rate * db) for (W, b), (dW, db) in zip(layers, g, strict=True)]
            return
        flat_w = [part for pair in layers for part in pair]
        flat_g = [part for pair in g for part in pair]
        means = means or [np.zeros_like(w) for w in flat_w]
        squares = squares or [np.zeros_like(w) for w in flat_w]
        means = [adam.beta1 * m + (1 - adam.beta1) * d for m, d in zip(means, flat_g, strict=True)]
        squares = [adam.beta2 * v + (1 - adam.beta2) * d**2 for v, d in zip(squares, flat_g, strict=True)]
        one, two = 1 - adam.beta1**t, 1 - adam.beta2**t
        flat_w = [
            w - rate * (m / one) / (np.sqrt(v / two) + adam.epsilon)
            for w, m, v in zip(flat_w, means, squares, strict=True)
        ]
        layers = list(zip(flat_w[::2], flat_w[1::2], strict=True))

    return step, lambda: flat(layers), None, None


def limit(work: Work, network: Network):
    """Only the products, the gathering, and one pass over each buffer. This does not train anything."""
    _, x, _ = work.data()
    n, sizes, whole = work.batch, work.sizes, work.batch >= work.examples
    with_ones = np.column_stack([x, np.ones(len(x), x.dtype)])
    batch = with_ones[:n].copy()
    a = [batch.T, *(np.ones((units + 1, n), work.dtype) for units in sizes[1:])]
    W = [np.full((out, n_in + 1), 0.01, work.dtype) for n_in, out in pairwise(sizes)]
    dW, new = ([np.empty_like(w) for w in W] for _ in range(2))
    d = [np.ones((units, n), work.dtype) for units in sizes[1:]]

    def step(rows, _):
        if not whole:
            with_ones.take(rows, axis=0, out=batch, mode="clip")
        for k, w in enumerate(W):
            np.dot(w, a[k], a[k + 1][:-1])
            np.tanh(a[k + 1][:-1], a[k + 1][:-1])
        np.subtract(a[-1][:-1], d[-1], d[-1])
        for k in range(len(W) - 1, -1, -1):
            np.dot(d[k], a[k].T, dW[k])
            if k:
                np.dot(W[k][:, : sizes[k]].T, d[k], d[k - 1])
                np.multiply(d[k - 1], a[k][:-1], d[k - 1])
            np.subtract(W[k], dW[k], new[k])

    return step, lambda: None, None, lambda x, y, rows: (rows, None)


def micrograd_step(work: Work, network: Network):
    """Karpathy's micrograd, one number at a time."""
    from micrograd.engine import Value

    def sigmoid(z):
        a = 1 / (1 + math.exp(-z.data))
        out = Value(a, (z,), "sigmoid")

        def backward():
            z.grad += a * (1 - a) * out.grad

        out._backward = backward
        return out

    layers = [
        ([[Value(w) for w in row] for row in W.T.tolist()], [Value(each) for each in b.tolist()])
        for W, b in layers_of(network)
    ]
    values = [value for W, b in layers for row in (*W, b) for value in row]

    def step(x, y):
        a = [Value(each) for each in x[0].tolist()]
        for W, biases in layers:
            a = [sigmoid(sum(map(operator.mul, row, a), b)) for row, b in zip(W, biases, strict=True)]
        loss = sum(((p - t) ** 2 for p, t in zip(a, y[0].tolist(), strict=True)), Value(0)) * (1 / len(a))
        for value in values:
            value.grad = 0
        loss.backward()
        for value in values:
            value.data -= work.optimizer.learning_rate * value.grad

    def read():
        return flat([(np.array([[w.data for w in row] for row in W]).T, [each.data for each in b]) for W, b in layers])

    return step, read, None, None


PEERS = {
    "PyTorch eager": (torch_eager, "torch"),
    "PyTorch fused": (torch_fused, "torch"),
    "JAX, jitted step": (jax_step, "jax"),
    "autograd": (autograd_step, "autograd"),
    "textbook NumPy": (textbook, "numpy"),
    "micrograd": (micrograd_step, "micrograd"),
    "limit": (limit, "numpy"),
}
OURS, SCAN, SKLEARN = "bpcourse train", "JAX, whole loop", "scikit-learn"
ALL = {OURS: "numpy", **{name: needs for name, (_, needs) in PEERS.items()}, SCAN: "jax", SKLEARN: "sklearn"}


def measure_ours(work: Work) -> dict[str, object]:
    """Measure `train`."""
    network, x, y = work.data()
    n = len(x)
    per_epoch = -(-n // work.batch)

    def run(epochs: int) -> float:
        return train(
            network,
            x,
            y,
            work.loss,
            optimizer=work.optimizer,
            epochs=epochs,
            batch_size=work.batch,
            rng=np.random.default_rng(0),
            progress=False,
        ).seconds

    # As for all peers, preparation is not counted, and the network is still learning.
    epochs, taken, until = max(1, STEPS // per_epoch), list[float](), time.perf_counter() + 2 * SECONDS
    while len(taken) < 3 or time.perf_counter() < until:
        taken.append((run(1 + epochs) - run(1)) / (epochs * per_epoch))
    seconds = statistics.median(taken)
    examples, _ = checked(work)
    epochs = CHECKED * work.batch // examples
    after = train(
        network, x[:examples], y[:examples], work.loss, optimizer=work.optimizer, epochs=epochs, batch_size=work.batch,
        rng=np.random.default_rng(0), progress=False,
    ).network  # fmt: skip
    return {"seconds": seconds, "after": Parameters.of(after).vector.astype(float).tolist()}


def measure_peer(work: Work, name: str) -> dict[str, object]:
    """Measure a peer that starts from our weights."""
    network, x, y = work.data()
    make = PEERS[name][0]
    step, read, prepare, gather = make(work, network)
    data = prepare(x, y) if prepare else (x, y)
    whole = work.batch >= len(x)
    pick = gather or (lambda x, y, rows: (x[rows], y[rows]))

    def go(rows: list[np.ndarray]) -> None:
        for batch in rows:
            step(*(data if whole else pick(*data, batch)))

    go(checked(work)[1])
    after = read()
    started = time.perf_counter()
    go(batches(work, CHECKED))
    read()
    count = max(CHECKED, round(SECONDS / ((time.perf_counter() - started) / CHECKED)))
    rows = batches(work, count)
    started = time.perf_counter()
    go(rows)
    read()
    return {"seconds": (time.perf_counter() - started) / count, "after": None if after is None else after.tolist()}


def measure_scan(work: Work) -> dict[str, object]:
    """All batches of some epochs in one compiled loop."""
    network, x, y = work.data()
    jax, update, state = _jax(work, network)
    whole = work.batch >= len(x)

    @jax.jit
    def loop(state, rows, x, y):
        def one(state, batch):
            return (update(state, x, y) if whole else update(state, x[batch], y[batch])), None

        return jax.lax.scan(one, state, rows)[0]

    def run(state, count):
        full = [rows for rows in batches(work, 2 * count) if len(rows) == work.batch]
        rows = jax.numpy.zeros((count, 1), int) if whole else np.stack(full[:count])
        started = time.perf_counter()
        state = jax.block_until_ready(loop(state, rows, x, y))
        return time.perf_counter() - started, state

    x, y = jax.numpy.array(x), jax.numpy.array(y)
    rows = jax.numpy.zeros((CHECKED, 1), int) if whole else np.stack(checked(work)[1])
    after = jax.block_until_ready(loop(state, rows, x, y))
    count = 50
    for _ in range(2):  # the first compiles
        taken, _ = run(state, count)
    count = max(50, round(SECONDS / taken * count))
    run(state, count)
    seconds, _ = run(state, count)
    return {"seconds": seconds / count, "after": flat(after[0]).tolist()}


def measure_sklearn(work: Work) -> dict[str, object]:
    """Measure scikit-learn, which starts from its own weights."""
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore")
    _, x, y = work.data()
    kind = MLPRegressor if work.loss == "mse" else MLPClassifier
    targets = y if work.loss == "mse" else y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    names = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
    adam = isinstance(work.optimizer, Adam)

    def run(epochs: int) -> float:
        model = kind(
            work.sizes[1:-1], activation=names[work.activations[0]], solver="adam" if adam else "sgd", alpha=0.0,
            batch_size=work.batch, learning_rate_init=work.optimizer.learning_rate, max_iter=epochs, momentum=0.0,
            n_iter_no_change=10**9, tol=0.0, random_state=0,
        )  # fmt: skip
        started = time.perf_counter()
        model.fit(x, targets)
        return (time.perf_counter() - started) / (epochs * -(-len(x) // work.batch))

    first = run(2)
    return {"seconds": run(max(2, round(SECONDS / first / -(-len(x) // work.batch)))), "after": None}


def child(name: str, key: str) -> None:
    """Measure one peer and print the result."""
    if hasattr(os, "sched_setaffinity"):  # one core, whatever a library does with threads
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    work = WORKS[key]
    special = {OURS: measure_ours, SCAN: measure_scan, SKLEARN: measure_sklearn}
    print(json.dumps(special[name](work) if name in special else measure_peer(work, name)))


def ask(name: str, key: str) -> dict[str, object]:
    """Measure one peer in a separate process with one thread."""
    command = [sys.executable, __file__, "--child", name, key]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=300)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:90]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(keys: list[str]) -> None:
    """Measure all peers in turns, and print a table for each work."""
    disagree = False
    print(f"NumPy {np.__version__} with the kernel: {kernel()}")
    for key in keys or list(WORKS):
        work = WORKS[key]
        peers = [name for name in ALL if name != "micrograd" or key == "single"]
        peers = [name for name in peers if name != SKLEARN or key != "single"]
        missing = [name for name in peers if find_spec(ALL[name]) is None]
        present = [name for name in peers if name not in missing]
        results: dict[str, list[dict[str, object]]] = {name: [] for name in present}
        for turn in range(ROUNDS):
            for name in present[turn % len(present) :] + present[: turn % len(present)]:
                if not results[name] or "error" not in results[name][0]:
                    results[name].append(ask(name, key))
        ours = np.array(results[OURS][0]["after"])
        good = {name: found for name, found in results.items() if "error" not in found[0]}
        medians = {name: statistics.median(each["seconds"] for each in found) for name, found in good.items()}
        print(f"\n{work.title}, {work.dtype}")
        for name, found in results.items():
            if "error" in found[0]:
                print(f"  {name:18} failed: {found[0]['error']}")
                continue
            after = found[0]["after"]
            apart = ""
            if after is not None:
                by = abs(np.array(after) - ours).max()
                wrong = bool(by > APART[work.dtype])
                apart, disagree = f"differs by {by:.0e}{', which is too much' * wrong}", disagree or wrong
            print(
                f"  {name:18}{medians[name] * 1e6:10.1f} µs a step{medians[name] / medians[OURS]:8.2f} × ours   {apart}"
            )
        for name in missing:
            print(f"  {name:18} is missing")
    sys.exit(int(disagree))


def kernel() -> str:
    """Find out which kernel NumPy's BLAS runs in the environment of the measurements."""
    code = "import numpy, threadpoolctl; print([each.get('architecture') for each in threadpoolctl.threadpool_info()])"
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown, threadpoolctl is missing"


def _environment() -> dict[str, str]:
    one = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    environment = os.environ | one | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    for unwanted in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # they slow a current NumPy
        environment.pop(unwanted, None)
    return environment


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3])
    else:
        main(sys.argv[1:])
