"""Helpers of several test files: command lines, the scripts of tools/ as modules, and a real JupyterLab."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from bpcourse import cli

PROJECT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    """Return `tools/<name>.py` as a module."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", PROJECT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks for its module there
    spec.loader.exec_module(module)
    return module


def command(name: str, *words: object, **options: object) -> list[str]:
    """Return the words of a command line.

    An option that is True has no value, one that is None or False is omitted, and a list repeats it.
    `class_` is `--class`.

    >>> command("sheet", topic=["bias", "loss"], level=2, force=True, names=None)
    ['sheet', '--topic', 'bias', '--topic', 'loss', '--level', '2', '--force']
    """
    line = [name, *map(str, words)]
    for option, given in options.items():
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if value is not None and value is not False:
                line += [f"--{option.strip('_')}", *([] if value is True else [str(value)])]
    return line


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail with one line on stderr, and return that line."""
    assert cli.main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files below a folder, by their relative names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def jupyterlab(folder: Path, *options: str) -> Iterator[str]:
    """Start `bpcourse lab` on a folder, as its own process, and yield its address; the token is `secret`."""
    port = cli.free_port()
    ours = ["lab", str(folder), "--no-browser", f"--port={port}"]
    theirs = ["--IdentityProvider.token=secret", *options]
    command = [sys.executable, "-m", "bpcourse.cli", *ours, "--", *theirs]
    own = tempfile.TemporaryDirectory()  # tests do not change the settings of the person who runs them
    environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": own.name, "JUPYTERLAB_WORKSPACES_DIR": own.name}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    address, give_up = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while not _answers(f"{address}/api?token=secret"):
            if process.poll() is not None or time.monotonic() > give_up:
                pytest.fail("JupyterLab stopped, or did not answer within 60 s")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=120)  # for its kernels, on a busy machine
        own.cleanup()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


CLOSE_ALL = """async () => {
    for (const panel of [...jupyterapp.shell.widgets("main")]) {
        if (panel.context) {
            panel.context.model.dirty = false; // nothing asks whether to save it
            await panel.sessionContext.shutdown();
        }
        panel.dispose();
    }
    jupyterapp.shell.expandLeft();
    await jupyterapp.commands.execute("apputils:change-theme", { theme: "JupyterLab Light" });
}"""
OPEN = "async path => { await jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' }); }"
READY = """async () => {
    await jupyterapp.restored;
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""
RUN_ALL = """async () => {
    await jupyterapp.commands.execute('notebook:run-all-cells');
    return jupyterapp.shell.currentWidget.content.model.toJSON().cells;
}"""


def open_and_run(page, address, name):
    """Open a notebook in a page, as the only one, wait for its own kernel, run all cells, and return them."""
    if page.url.startswith(f"{address}/lab"):  # loading JupyterLab again takes seconds
        page.evaluate(CLOSE_ALL)
        page.evaluate(OPEN, name)
    else:
        page.goto(f"{address}/lab/workspaces/auto-{Path(name).stem}/tree/{name}?reset&token=secret")
        page.wait_for_function("window.jupyterapp !== undefined")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate(READY)
    return page.evaluate(RUN_ALL)
