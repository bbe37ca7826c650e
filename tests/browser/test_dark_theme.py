"""In a real Chromium: still pictures and plots are dark in JupyterLab's dark theme, and white elsewhere."""

import io

import nbformat
import numpy as np
import pytest
from helpers.support import open_and_run
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

CELLS = (
    "from bpcourse import EXAMPLES, draw\nfrom bpcourse.pictures.plotting import plot_loss, shown",
    "draw(EXAMPLES['lecture'].backprop())",
    "shown(plot_loss())",
)


def settled(picture):
    """Return an image of a picture when it does not change any more: a new theme is drawn in several steps."""
    before, now = None, picture.screenshot()
    while now != before:
        picture.page.wait_for_timeout(200)
        before, now = now, picture.screenshot()
    return now


def ground_and_range(picture):
    """Return the gray value of an image's corner, and the lowest and highest gray value in it."""
    gray = np.asarray(Image.open(io.BytesIO(settled(picture))).convert("L"))
    return int(gray[2, 2]), int(gray.min()), int(gray.max())


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_picture__has_the_theme_of_jupyterlab(theme, system, server, folder, page):
    page.emulate_media(color_scheme=system)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(metadata=kernel, cells=[new_code_cell(cell) for cell in CELLS])
    nbformat.write(notebook, folder / f"{system}-{theme[11:]}.ipynb")
    open_and_run(page, server, f"{system}-{theme[11:]}.ipynb")
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in theme)
    pictures = page.locator(".jp-OutputArea img")
    assert pictures.count() == 2
    for number in range(2):
        ground, low, high = ground_and_range(pictures.nth(number))
        if "Dark" in theme:
            assert ground < 32 < 200 < high
        else:
            assert low < 64 < 255 == ground
