"""Templates: HTML, CSS and programs, rendered with Jinja2. HTML is escaped by default.

The templates are in ``bpcourse/templates``. What goes into one with the ending ``.html`` or ``.svg`` is escaped, unless
it is `markupsafe.Markup`, which says that it is HTML already.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # imported when first needed

    return Environment(
        loader=PackageLoader("bpcourse"),
        autoescape=select_autoescape(("html", "svg")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: object) -> str:
    """Return a template, filled with values.

    Parameters
    ----------
    template : str
        Name of a file in ``bpcourse/templates``.
    **values
        The values, by the names that the template uses. A missing one raises `jinja2.UndefinedError`.

    Returns
    -------
    str
        The text. From a template with the ending ``.html`` or ``.svg`` it is `markupsafe.Markup`, which another
        template includes unchanged.
    """
    text = _environment().get_template(template).render(values)
    if not template.endswith((".html", ".svg")):
        return text
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 (the template has escaped its values)


def page(title: str, body: str, style: str = "") -> str:
    """Return a complete page, to read or to print. It allows no network and no script.

    Parameters
    ----------
    title : str
        The title, as text.
    body, style : str
        The content in HTML, and CSS that is added to that of every page. Neither is escaped.

    Examples
    --------
    >>> "<title>1 &lt; 2</title>" in page("1 < 2", "<p>Yes.</p>")
    True
    """
    from markupsafe import Markup

    return str(render("page.html", title=title, body=Markup(body), style=Markup(style)))  # noqa: S704
