"""The tutor: it explains, asks and marks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["practice"])
