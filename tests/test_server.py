"""What the server does besides serving: it answers at once, and saves no live views."""

import copy
from types import SimpleNamespace

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from bpcourse.lab import server

LIVE = {"text/plain": "words", "text/html": "<img>", server.WIDGET_VIEW: {"model_id": "1"}}


def notebook(*outputs):
    cells = [{"cell_type": "markdown", "source": "# A"}, {"cell_type": "code", "outputs": list(outputs)}]
    return {"type": "notebook", "content": {"metadata": {"widgets": {}, "kernelspec": {}}, "cells": cells}}


def test_a_live_view_is_not_saved_where_there_is_something_beside_it():
    model = notebook({"data": dict(LIVE)}, {"name": "stdout", "text": "a"}, {"data": {server.WIDGET_VIEW: {}}})
    server.without_live_views(model, path="x.ipynb", contents_manager=None)
    outputs = model["content"]["cells"][1]["outputs"]
    assert set(outputs[0]["data"]) == {"text/plain", "text/html"}
    assert outputs[1] == {"name": "stdout", "text": "a"}
    assert set(outputs[2]["data"]) == {server.WIDGET_VIEW}  # another library's, which has nothing else to show
    assert model["content"]["metadata"] == {"kernelspec": {}}


@pytest.mark.parametrize("model", [{"type": "file", "content": "x"}, {"type": "directory"}, {"type": "notebook"}])
def test_what_is_no_notebook_is_saved_as_it_is(model):
    before = copy.deepcopy(model)
    server.without_live_views(model)
    assert model == before


def test_a_connection_does_not_wait_for_acknowledgements(monkeypatch):
    said = []
    handler = SimpleNamespace(set_nodelay=said.append)
    monkeypatch.setattr(server.PromptConnection, "websocket_handler", handler)
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: said.append("connected"))
    server.PromptConnection.connect(server.PromptConnection.__new__(server.PromptConnection))
    assert said == [True, "connected"]
