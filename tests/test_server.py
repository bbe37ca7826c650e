"""The server of `bpcourse lab` answers at once and saves no live views."""

import asyncio
import copy
import socket
from contextlib import suppress

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

from bpcourse.jupyter import WIDGET_VIEW
from bpcourse.lab import server

LIVE = {"text/plain": "words", "text/html": "<img>", WIDGET_VIEW: {"model_id": "1"}}


def notebook(*outputs):
    cells = [{"cell_type": "markdown", "source": "# A"}, {"cell_type": "code", "outputs": list(outputs)}]
    return {"type": "notebook", "content": {"metadata": {"widgets": {}, "kernelspec": {}}, "cells": cells}}


def test_without_live_views__removes_a_view_that_has_a_picture_or_text():
    model = notebook({"data": dict(LIVE)}, {"name": "stdout", "text": "a"}, {"data": {WIDGET_VIEW: {}}})
    server.without_live_views(model, path="x.ipynb", contents_manager=None)
    outputs = model["content"]["cells"][1]["outputs"]
    assert set(outputs[0]["data"]) == {"text/plain", "text/html"}
    assert outputs[1] == {"name": "stdout", "text": "a"}
    assert set(outputs[2]["data"]) == {WIDGET_VIEW}  # a different library's view, which has nothing else to show
    assert model["content"]["metadata"] == {"kernelspec": {}}


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
