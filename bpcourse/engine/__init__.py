"""The mathematics, with NumPy only. Read activations, losses, network and backpropagation first, in this order."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["datasets", "gradcheck"])
