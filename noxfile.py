#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox"]
# ///
"""Tasks for nox: `nox -s lint`, `nox -s tests`, `nox -s lowest newest`, `nox -s docs`, `nox -s release`.

They run in the current environment: first `python -m pip install -e ".[dev]"`, and for `docs` also `".[docs]"`.
"""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"


@nox.session(default=True)
def lint(session: nox.Session) -> None:
    """Check style, types, spelling, plain English and the form of the lessons."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("codespell")
    session.run("python", "tools/english.py")
    session.run("python", "tools/lessons.py", "--check")


@nox.session(default=True)
def tests(session: nox.Session) -> None:
    """Run all tests in parallel."""
    session.run("bpcourse", "test")


@nox.session(venv_backend="virtualenv", default=False)
def lowest(session: nox.Session) -> None:
    """Run the tests that need no browser, and all lessons, with the lowest versions of the dependencies."""
    versions = session.run("python", "tools/lowest.py", silent=True)
    session.install(*versions.split())
    session.run("python", "tools/lowest.py", "--test")


@nox.session(venv_backend="virtualenv", default=False)
def newest(session: nox.Session) -> None:
    """Run all tests with the newest versions of everything. `-- --pre` takes pre-releases, too."""
    session.install("--upgrade", "--upgrade-strategy", "eager", *session.posargs, "-e", ".[browser]")
    session.run("pip", "list")
    session.run("bpcourse", "test")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation site in build/site, with warnings as errors, and test it in a browser."""
    build_site(session)
    session.run("pytest", "-p", "no:cacheprovider", "-n", "auto", "--ignore=tests/site/test_lite.py", "tests/site")


@nox.session(default=False)
def lite(session: nox.Session) -> None:
    """Build the site and run all lessons in its JupyterLite. BPCOURSE_PYODIDE can name a folder with Pyodide."""
    build_site(session)
    session.run("pytest", "-p", "no:cacheprovider", "tests/site/test_lite.py")


def build_site(session: nox.Session) -> None:
    """Build the documentation site, with warnings as errors."""
    shutil.rmtree("build/site", ignore_errors=True)
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-q", "docs", "build/site")


@nox.session(venv_backend="virtualenv", default=False)
def release(session: nox.Session) -> None:
    """Build the wheel and the source archive in dist, check them, and try the wheel. `-- vX.Y.Z` checks the tag."""
    session.install("build>=1.2", "twine>=6.0")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", *map(str, sorted(Path("dist").iterdir())))
    session.run("python", "tools/release.py", *session.posargs)
    (wheel,) = Path("dist").glob("*.whl")
    session.install(f"{wheel}[lab]")
    session.chdir(session.create_tmp())
    session.run("bpcourse", "doctor")
    session.run("bpcourse", "--version")


if __name__ == "__main__":
    nox.main()
