"""Steps of the site's build, as a Sphinx extension: the lessons, MathJax, and JupyterLite.

Git ignores everything that these steps write into this folder: `lessons/`, `reference/` and `_lite/`.

The environment variable BPCOURSE_PYODIDE can name a folder with a complete Pyodide distribution. Then JupyterLite loads
Python from the site itself, and not from Pyodide's own server.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
PROJECT = DOCS.parent
LESSONS = PROJECT / "lessons"
LITE = DOCS / "_lite"  # the input of JupyterLite's build
PYODIDE = "BPCOURSE_PYODIDE"
CDN = "https://cdn.jsdelivr.net/pyodide/"

# Packages that the course needs in the browser, and that Pyodide may not have. All work without compiled parts.
PURE_PACKAGES = ("anywidget", "comm", "ipywidgets", "jupyterlab_widgets", "lazy_loader", "psygnal", "tqdm")

RUN = """
<p><a class="run-lesson" href="../lite/lab/index.html?path={name}">Run this lesson in your browser</a></p>

The browser keeps your work. [How to start, save and stop](../in-your-browser.md)
"""
INSTALL = """import logging
import sys

if sys.platform == "emscripten":  # in the browser
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # no message about its cache
    %pip install -q bpcourse"""
EMPTY = {"outputs": [], "execution_count": None}
NOT_IN_A_WHEEL = {"WHEEL", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}  # rewritten, or written by pip


def read_lessons() -> dict[str, dict[str, Any]]:
    """Return the notebooks by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(LESSONS.glob("[0-9]*.ipynb"))}


def write_notebook(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook if it differs from the file, so that Sphinx reads only changed pages again."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def write_pages(_app: Sphinx) -> None:
    """Copy the lessons to the pages of the site, each with a link that runs it."""
    for name, notebook in read_lessons().items():
        first = notebook["cells"][0]
        title, rest = "".join(first["source"]).split("\n", 1)
        first["source"] = f"{title}\n{RUN.format(name=name)}{rest}"
        write_notebook(DOCS / "lessons" / name, notebook)


def for_lite(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a student's copy of a lesson: without outputs, and with a cell that installs the course.

    Text is joined, because JupyterLite's table of contents does not read text in lists of lines.
    """
    cells = [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= EMPTY
    start = next(at for at, cell in enumerate(cells) if cell["cell_type"] == "code")
    install = {"cell_type": "code", "id": "install", "metadata": {}, "source": INSTALL, **EMPTY}
    return notebook | {"cells": [*cells[:start], install, *cells[start:]]}


def write_wheel(name: str, folder: Path) -> None:
    """Pack an installed package as a wheel without its compiled parts, so that the build needs no network."""
    package = metadata.distribution(name)
    info = next(file.parts[0] for file in package.files or () if file.name == "METADATA")
    with zipfile.ZipFile(
        folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED
    ) as wheel:
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        record = [f"{info}/WHEEL,,", f"{info}/RECORD,,"]
        for file in package.files or ():
            compiled = file.suffix in {".so", ".pyd", ".dylib", ".pyc"}
            outside = ".." in file.parts  # programs, and files for JupyterLab
            by_pip = file.parts[0] == info and file.name in NOT_IN_A_WHEEL
            if not (compiled or outside or by_pip):
                wheel.write(str(file.locate()), file.as_posix())
                record.append(f"{file.as_posix()},,")
        wheel.writestr(f"{info}/RECORD", "\n".join(record) + "\n")


def prepare_lite(app: Sphinx) -> None:
    """Write what JupyterLite's build reads: its settings, the lessons, the wheels, and Pyodide if it is given."""
    shutil.rmtree(Path(app.outdir) / "lite", ignore_errors=True)  # with what it remembers of an earlier build,
    (DOCS / ".jupyterlite.doit.db").unlink(missing_ok=True)  # it would omit the settings
    LITE.mkdir(exist_ok=True)
    shutil.copy(DOCS / "jupyter-lite.json", LITE)
    for name, notebook in read_lessons().items():
        write_notebook(LITE / "lessons" / name, for_lite(notebook))

    wheels = LITE / "pypi"
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir()
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(wheels), str(PROJECT)], check=True)
    for name in PURE_PACKAGES:
        write_wheel(name, wheels)

    pyodide = LITE / "static" / "pyodide"
    shutil.rmtree(pyodide, ignore_errors=True)
    if os.environ.get(PYODIDE):
        require_version(Path(os.environ[PYODIDE]))
        shutil.copytree(os.environ[PYODIDE], pyodide)


def require_version(pyodide: Path) -> None:
    """Raise RuntimeError if a folder has not the Pyodide that JupyterLite's kernel was made for."""
    from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

    found = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))["info"]["version"]
    if found.rpartition(".")[0] != PYODIDE_VERSION.rpartition(".")[0]:
        raise RuntimeError(f"{PYODIDE} has Pyodide {found}, and this JupyterLite needs {PYODIDE_VERSION}.")


def check_lite(app: Sphinx, exception: Exception | None) -> None:
    """Check that the settings have arrived in the finished JupyterLite."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir) / "lite"
    plugins = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"][
        "litePluginSettings"
    ]
    kernel = plugins["@jupyterlite/pyodide-kernel-extension:kernel"]
    if kernel.get("disablePyPIFallback") is not True:
        raise RuntimeError("JupyterLite would ask a package index. Its settings in jupyter-lite.json were not used.")
    source = kernel.get("pyodideUrl", CDN)
    if os.environ.get(PYODIDE) and not source.startswith("./static/pyodide/"):
        raise RuntimeError(f"JupyterLite would load Pyodide from {source}, and not from the folder in {PYODIDE}.")
    names = {path.name for path in (site / "files").iterdir()}
    if missing := set(read_lessons()) - names:
        raise RuntimeError(f"JupyterLite has no {', '.join(sorted(missing))}.")
    wheels = [path.name for path in site.rglob("*.whl")]
    for name in ("bpcourse", *PURE_PACKAGES):
        if not any(wheel.startswith(f"{name}-") for wheel in wheels):
            raise RuntimeError(f"JupyterLite has no wheel of {name}.")


def unlink_files(_app: Sphinx, document: Any, _name: str) -> None:
    """Turn links to files of the repository, which are not pages of the site, into plain text."""
    for link in [node for node in document.findall() if node.tagname == "reference"]:
        target = link.get("refid") or link.get("refuri", "")
        if (PROJECT / target.removeprefix("#")).is_file():
            link.replace_self(link.children)


def load_no_other_site(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _document: Any) -> None:
    """Remove style sheets of other sites.

    JupyterLite's extension adds a font for a button that we do not use.
    """
    context["css_files"] = [file for file in context["css_files"] if "://" not in str(file.filename)]


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax and its fonts from the package `sphinx-mathjax-offline` into the site."""
    if exception is None and app.builder.format == "html":
        package = metadata.distribution("sphinx-mathjax-offline")
        source = Path(str(package.locate_file("sphinx-mathjax-offline"))) / "static" / "mathjax"
        target = Path(app.outdir) / "_static" / "mathjax"
        fonts = Path("output", "chtml", "fonts", "woff-v2")
        shutil.copytree(source / fonts, target / fonts, dirs_exist_ok=True)
        shutil.copy(source / "tex-chtml.js", target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.connect("builder-inited", write_pages)
    app.connect("builder-inited", prepare_lite)
    app.connect("doctree-resolved", unlink_files)
    app.connect("html-page-context", load_no_other_site)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", check_lite, priority=900)  # after JupyterLite's own build
    return {"parallel_read_safe": True, "parallel_write_safe": True}
