"""A course on backpropagation in which every number has its formula, and every formula its numbers.

Start with these:

* `Network.initialize` and `Dense` make a network, and `forward` computes its predictions.
* `backprop` sends a batch through it and back, and returns a `Trace` of all numbers.
* `gradcheck.check` checks the gradients of a trace numerically.
* `solve` writes the worked solution of any value, and `check` marks an answer to it.
* `practice.topics` lists what can be practiced, and `practice.problem` makes a problem.
* `train` trains a network, and `plotting.plot_history` shows how it went.
"""

import lazy_loader

__version__ = "0.1.0"

# The public names are listed in __init__.pyi (SPEC 1). Each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
