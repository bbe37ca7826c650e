"""Diagrams, plots and explorers. They show what a trace holds and compute none of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["plotting"])
