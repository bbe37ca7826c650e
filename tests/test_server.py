"""The server extension: explorers answer at once, and the course's notebooks are saved without live views."""

import asyncio
import copy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from contextlib import suppress

import pytest
from helpers.support import PROJECT
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

from bpcourse.jupyter import WIDGET_VIEW
from bpcourse.lab import server

SOURCE = "from bpcourse import explore"
LIVE = {"text/plain": "words", "text/html": "<img>", WIDGET_VIEW: {"model_id": "1"}}


def notebook(*outputs):
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "# A"}
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": SOURCE, "outputs": list(outputs)}
    content = {
        "metadata": {"widgets": {}, "kernelspec": {}},
        "cells": [markdown, code],
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return {"type": "notebook", "content": content}


def test_without_live_views__removes_a_view_that_has_a_picture_or_text():
    model = notebook({"data": dict(LIVE)}, {"name": "stdout", "text": "a"}, {"data": {WIDGET_VIEW: {}}})
    server.without_live_views(model, path="x.ipynb", contents_manager=None)
    outputs = model["content"]["cells"][1]["outputs"]
    assert set(outputs[0]["data"]) == {"text/plain", "text/html"}
    assert outputs[1] == {"name": "stdout", "text": "a"}
    assert set(outputs[2]["data"]) == {WIDGET_VIEW}  # a different library's view, which has nothing else to show
    assert model["content"]["metadata"] == {"kernelspec": {}}


def test_without_live_views__leaves_notebooks_of_other_packages_unchanged():
    model = notebook({"data": dict(LIVE)})
    model["content"]["cells"][1]["source"] = "import ipywidgets"
    before = copy.deepcopy(model)
    server.without_live_views(model)
    assert model == before


@pytest.mark.parametrize("model", [{"type": "file", "content": "x"}, {"type": "directory"}, {"type": "notebook"}])
def test_without_live_views__leaves_other_files_unchanged(model):
    before = copy.deepcopy(model)
    server.without_live_views(model)
    assert model == before


class Handler(WebSocketHandler):
    """A page's end of a connection to a kernel, which tells the page whether its socket waits."""

    def initialize(self, connection):
        self.connection = connection

    def open(self):
        with suppress(AttributeError):  # there is no kernel to connect to
            type("OfThisPage", (self.connection,), {"websocket_handler": self})().connect()
        self.write_message(str(self.ws_connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


async def no_delay(connection):
    """Return the answer of a real server about the socket of such a connection."""
    sockets = bind_sockets(0, "127.0.0.1")
    web = HTTPServer(Application([("/", Handler, {"connection": connection})]))
    web.add_sockets(sockets)
    page = await websocket_connect(f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/")
    try:
        return int(await page.read_message()) != 0
    finally:
        page.close()
        web.stop()
        await web.close_all_connections()


@pytest.mark.parametrize(
    "connection, expected", [(server.PromptConnection, True), (ZMQChannelsWebsocketConnection, False)]
)
def test_prompt_connection__does_not_wait_for_acknowledgements(connection, expected):
    assert asyncio.run(no_delay(connection)) is expected


# In a server

SERVER = """
import asyncio, json, sys
from jupyter_server.serverapp import ServerApp
app = ServerApp()
without = ["--allow-root", "--ServerApp.jpserver_extensions=jupyterlab=False"]  # to start faster
app.initialize([*without, *sys.argv[1:]], new_httpserver=False)
asyncio.run(app.contents_manager.save(json.load(sys.stdin), "saved.ipynb"))
print(app.web_app.settings["kernel_websocket_connection_class"].__name__)
"""
STARTED = """
import sys
from jupyter_server.serverapp import ServerApp
from bpcourse.lab import server
ServerApp.start = lambda app: print(app.web_app.settings["kernel_websocket_connection_class"].__name__)
server.start(sys.argv[1:])
"""
OTHER = "jupyter_server.gateway.connections.GatewayWebSocketConnection"


@pytest.fixture
def run_installed(tmp_path):
    """Run Python in a folder and with the settings that the wheel installs."""
    build = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    for source, target in build["targets"]["wheel"].get("shared-data", {}).items():
        (tmp_path / target).parent.mkdir(parents=True)
        shutil.copy(PROJECT / source, tmp_path / target)
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "etc" / "jupyter")}

    def run(*words, given=""):
        options = {"cwd": tmp_path, "env": environment, "input": given, "text": True}
        return subprocess.check_output([sys.executable, *words], stderr=subprocess.STDOUT, **options)

    return run


def test_extension__is_enabled_by_the_installation(run_installed):
    listed = re.sub(r"\x1b\[\d*m", "", run_installed("-m", "jupyter", "server", "extension", "list"))
    assert "bpcourse.lab.server enabled" in listed
    assert re.search(r"bpcourse\.lab\.server +OK", listed)


@pytest.mark.parametrize(
    "options, connection",
    [
        ([], "PromptConnection"),
        ([f"--ServerApp.kernel_websocket_connection_class={OTHER}"], "GatewayWebSocketConnection"),
        (["--GatewayClient.url=http://127.0.0.1:1"], "GatewayWebSocketConnection"),
        (["--ServerApp.jpserver_extensions=bpcourse.lab.server=False"], "ZMQChannelsWebsocketConnection"),
    ],
)
def test_extension__sets_the_connection_unless_the_administrator_does(options, connection, run_installed):
    said = run_installed("-c", SERVER, *options, given=json.dumps(notebook()))
    assert said.splitlines()[-1] == connection


def test_extension__saves_no_live_view(run_installed, tmp_path):
    model = notebook({"output_type": "display_data", "metadata": {}, "data": LIVE})
    run_installed("-c", SERVER, given=json.dumps(model))
    saved = json.loads((tmp_path / "saved.ipynb").read_text(encoding="utf-8"))
    assert set(saved["cells"][1]["outputs"][0]["data"]) == {"text/plain", "text/html"}


def test_start__enables_the_extension_from_a_clone(run_installed, tmp_path):
    (tmp_path / "etc" / "jupyter" / "jupyter_server_config.d" / "bpcourse.json").unlink()
    said = run_installed("-c", STARTED, "--allow-root", "--no-browser")
    assert said.splitlines()[-1] == "PromptConnection"
