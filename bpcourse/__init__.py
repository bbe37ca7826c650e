"""A course on backpropagation in which every number has its formula, and every formula its numbers.

Start with `backprop`, which sends a batch through a small network and back. It returns a `Trace` of all numbers.
"""

import lazy_loader

__version__ = "0.1.0"

# The public names are listed in __init__.pyi (SPEC 1). Each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
