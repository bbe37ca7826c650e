"""The colors of the course, in one place.

The hues are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), which people with color blindness tell apart. Green
and vermilion are darkened so that each has a contrast of at least 4.5:1 on white. Color never carries meaning alone.
"""

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#B34700", "#00734F", "#8F4273"
SERIES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, ":"), (PURPLE, "-."))
"""Colors and line styles of several curves in one picture."""

INK, QUIET, GRID, PAPER = "#1a1a1a", "#595959", "#c8c8c8", "#ffffff"
LIT, HALO = "#FFF7D6", "#F0E442"
"""The background of what is highlighted, and the halo of a highlighted line."""

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
