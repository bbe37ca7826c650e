"""A Jupyter server extension: explorers answer at once, and the course's notebooks are saved without live views.

The wheel enables it for every Jupyter server of its environment, and ``bpcourse lab`` also from a clone. This turns it
off: ``jupyter server extension disable bpcourse.lab.server``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from bpcourse.jupyter import WIDGET_VIEW


def start(arguments: Sequence[str]) -> None:
    """Start JupyterLab, and return when it is stopped.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of JupyterLab's own command line.
    """
    from jupyterlab.labapp import LabApp  # the extension also works in a server without JupyterLab

    LabApp.initialize_server([f"--ServerApp.jpserver_extensions={__name__}=True", *arguments]).start()


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Set up a Jupyter server, unless its administrator chose a different class of connections."""
    settings = server.web_app.settings  # from which each new connection takes its class
    if settings["kernel_websocket_connection_class"] is ZMQChannelsWebsocketConnection:
        settings["kernel_websocket_connection_class"] = PromptConnection
    server.contents_manager.register_pre_save_hook(without_live_views)


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A connection to a kernel that sends every message to the page at once.

    A kernel says that it is busy before it answers. By default the second of two small messages waits until the
    first is acknowledged, which takes up to 40 ms: Nagle's algorithm (RFC 896) meets delayed acknowledgements.
    """

    def connect(self) -> Any:
        """Open the connection without that delay."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def without_live_views(model: dict[str, Any], **_: object) -> None:
    """Remove the live views from a notebook of the course before it is saved.

    A live view shows nothing without its kernel, and hides the picture and the text that are saved with it.
    A notebook that does not mention the course is left unchanged.

    Parameters
    ----------
    model : dict
        A file as Jupyter's contents service describes it. It is changed in place, as the hook
        ``pre_save_hook`` of jupyter_server expects.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    content = model["content"]
    cells = content.get("cells", [])
    if not any("bpcourse" in str(cell.get("source")) for cell in cells):
        return
    content.get("metadata", {}).pop("widgets", None)
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if len(data) > 1:  # an output that is only a live view stays
                data.pop(WIDGET_VIEW, None)
