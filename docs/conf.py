"""Settings of the documentation site. `nox -s docs` builds it; what it prepares first is in `build_steps.py`."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

project = "bpcourse"
author = "The bpcourse authors"
project_copyright = "the bpcourse authors. Code: MIT. Prose and pictures of the lessons: CC BY 4.0"
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "jupyterlite_sphinx",
    "build_steps",
]
exclude_patterns = ["_lite", "_templates", "lessons/.ipynb_checkpoints"]
templates_path = ["_templates"]
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", ".*"),  # in docstrings, single backticks mark any code, and link where they can
    ("myst", r"(\.\./)*(bpcourse|tests|tools)/.*"),  # files of the repository are not pages
]

# The notebooks are shown with their committed outputs, which the tests have compared.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}  # pages show the pictures of explorers and load no widgets
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "text/html", 0),
]
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

# Reference
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # the docstrings describe the parameters
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# No page loads anything from another site: `build_steps` copies MathJax into the site.
mathjax_path = "mathjax/tex-chtml.js"

# JupyterLite, in the folder `lite` of the site
jupyterlite_dir = str(DOCS / "_lite")
jupyterlite_config = str(DOCS / "jupyter_lite_config.json")
jupyterlite_content_dir = "_lite/lessons"
jupyterlite_bind_ipynb_suffix = False

html_theme = "pydata_sphinx_theme"
html_title = "bpcourse"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_sidebars = {"index": [], "install": [], "debug-your-backprop": [], "reliability": []}
html_theme_options = {
    "logo": {"text": "bpcourse"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_version_warning_banner": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
