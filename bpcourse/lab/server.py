"""The JupyterLab server of ``bpcourse lab``: it answers at once and saves notebooks without live views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyterlab.labapp import LabApp

from bpcourse.jupyter import WIDGET_VIEW


def start(arguments: Sequence[str]) -> None:
    """Start JupyterLab, and return when it is stopped.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of JupyterLab's own command line.
    """
    connection = f"--ServerApp.kernel_websocket_connection_class={__name__}.{PromptConnection.__name__}"
    lab = LabApp.initialize_server([connection, *arguments])
    lab.contents_manager.register_pre_save_hook(without_live_views)
    lab.start()


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
    """Remove the live views from a notebook before it is saved.

    A live view shows nothing without its kernel, and hides the picture and the text that are saved with it.

    Parameters
    ----------
    model : dict
        A file as Jupyter's contents service describes it. It is changed in place, as the hook
        ``pre_save_hook`` of jupyter_server expects.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    content = model["content"]
    content.get("metadata", {}).pop("widgets", None)
    for cell in content.get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if len(data) > 1:  # an output that is only a live view stays
                data.pop(WIDGET_VIEW, None)
