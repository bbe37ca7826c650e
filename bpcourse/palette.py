"""The colors of the course, in one place.

The hues are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), which people with color blindness
can tell apart. Green and vermilion are darkened so that each has a contrast of at least 4.5:1 on
white. Color is never the only carrier of meaning.
"""

from typing import NamedTuple

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#B34700", "#00734F", "#8F4273"


class Line(NamedTuple):
    """The look of one curve: its color, and its dashes for matplotlib, for SVG and as a word."""

    color: str
    style: str
    dashes: str
    words: str


SERIES = (
    Line(BLUE, "-", "", "solid"),
    Line(ORANGE, "--", "9 4", "dashed"),
    Line(GREEN, ":", "3 3", "dotted"),
    Line(PURPLE, "-.", "12 3 3 3", "dash-dotted"),
)
"""The looks of several curves in one picture."""

INK, QUIET, GRID, PAPER = "#1a1a1a", "#595959", "#c8c8c8", "#ffffff"
LOOKS = (*SERIES, Line(INK, "", "2 7", "sparsely dotted"), Line(QUIET, "", "20 6", "long-dashed"))
"""More looks, where a picture has more curves."""
LIT, HALO = "#FFF7D6", "#F0E442"
"""The background of what is highlighted, and the halo of a highlighted line."""

RISES, FALLS = ORANGE, BLUE
"""A positive gradient and a negative one: the loss rises or falls when the value grows."""

RIGHT, WRONG, UNSURE = "#1b6e3c", "#a03a00", "#7a5a00"
"""Verdicts: right, wrong, and not decided."""

STATUS_COLORS = {
    "correct": RIGHT,
    "mistake": WRONG,
    "could be": UNSURE,
    "wrong": WRONG,
    "not answered": QUIET,
    "unreadable": UNSURE,
}
"""The color of each status of a verdict."""
AMOUNTS, SIGNS, GREYS = "cividis", "PuOr_r", "Greys"
"""The color maps of images, by their names in matplotlib: amounts, values around 0, gray images.

Their colors are in data/palettes.npz, too. "cividis" is by Nuñez, Anderton & Renslow (2018,
doi 10.1371/journal.pone.0199239), the two others are of ColorBrewer, by Cynthia Brewer (colorbrewer2.org).
"""
