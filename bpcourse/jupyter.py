"""Names that several modules share with Jupyter."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
"""The MIME type of a live widget in a notebook's output."""

UNLOCKED = "BPCOURSE_UNLOCKED"
"""The environment variable of ``bpcourse lab --unlocked``: explorers open without a prediction."""
