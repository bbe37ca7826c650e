"""All colors are in the palette, can be read on white, and are never the only carriers of meaning."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers.support import PROJECT
from matplotlib import colormaps

from bpcourse import palette
from bpcourse.pictures import charts

MODULES = {path.relative_to(PROJECT).as_posix(): path for path in sorted((PROJECT / "bpcourse").rglob("*.py"))}


def hex_colors(source):
    """Return the hex colors in the strings of some code, without its docstrings."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    texts = [node.value for node in strings if id(node) not in prose]
    return [color for text in texts for color in re.findall(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b", text)]


def test_palette__no_other_module_has_a_color():
    found = {name: hex_colors(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
    assert [name for name, colors in found.items() if colors] == ["bpcourse/palette.py"]


def test_hex_colors__are_found():
    assert hex_colors('"""A docstring, #ffffff."""\nx = "color: #1a1a1a"\ny = f"{x}#fff;"') == ["#1a1a1a", "#fff"]
    assert len(hex_colors(MODULES["bpcourse/palette.py"].read_text(encoding="utf-8"))) > 10


def contrast(one, other):
    """Return the contrast of two colors, by WCAG 2.1, 1.4.3."""

    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


TEXT = ["INK", "QUIET", "RISES", "FALLS", "BLUE", "ORANGE", "GREEN", "PURPLE", "RIGHT", "WRONG", "UNSURE"]


@pytest.mark.parametrize("name", TEXT)
def test_palette__text_has_enough_contrast_on_white(name):
    assert contrast(getattr(palette, name), palette.PAPER) >= 4.5


def test_palette__diagram_text_has_enough_contrast_on_highlights():
    for color in (palette.INK, palette.QUIET, palette.RISES, palette.FALLS):
        assert contrast(color, palette.LIT) >= 4.5


def test_contrast__light_gray_is_too_light():
    assert contrast("#999999", "#ffffff") < 4.5


def test_palette__curves_differ_in_more_than_their_color():
    for part in ("color", "style", "dashes", "words"):
        assert len({getattr(line, part) for line in palette.SERIES}) == len(palette.SERIES) == 4


@pytest.mark.parametrize("name", [palette.AMOUNTS, palette.SIGNS, palette.GREYS])
def test_color_maps__are_those_of_matplotlib(name):
    expected = colormaps[name](np.arange(256), bytes=True)[:, :3]
    assert charts._rgb(name) == expected.tobytes()


def test_explorers__need_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np\n"
        "from bpcourse import EXAMPLES, Network, explore_boundary, explore_image, explore_surface\n"
        "lecture = EXAMPLES['lecture']\n"
        "explore_surface(lecture.network, lecture.x, lecture.y)\n"
        "explore_boundary(lecture.network, [[0, 1]], [[0, 1]], loss='mse')\n"
        "explore_image(lecture.network, [[0, 1]])\n"
        "print('made')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("made\n", 0), done.stderr
