"""Print how a JupyterHub serves a class: start, lessons, sliders and memory of N students on this machine.

    python benchmarks/hub.py 1 5 20

It needs the extras `lab` and `bench`, and configurable-http-proxy on the path (`npm install configurable-http-
proxy`). It starts a hub with `deploy/jupyterhub_config.py`, on addresses of this machine only, and stops it at the
end. All students of a row start at once. When all have a server, each runs lessons 03 and 05 cell by cell, through
the hub's proxy, in two kernels that stay open. After lesson 03 each drives a slider 20 times. Before each cell a
student thinks for a random time. The time of a lesson is the sum of its cells, without the thinking. Memory is the
resident memory of a server and both kernels, as the limit of a container counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from bpcourse.cli import free_port
from bpcourse.lab import lessons

CONFIG = Path(__file__).resolve().parent.parent / "deploy" / "jupyterhub_config.py"
MOST, MOVES = 50, 20  # students, and moves of the slider
PATIENCE, LIMIT = 180.0, 1200.0  # seconds: for any answer, and for a row of the table
FIRST, SECOND = "03_chain_rule", "05_full_training"
SLIDER = "W2[1,2]"  # in lesson 03
COLUMNS = (
    *("students", "start: median / max", "kernel", "lesson 03", "lesson 05"),
    *("cell: median / 95 %", "slider: median / 95 %", "memory of a student", "CPU of a student: start / all"),
    *("failures", "processors used by others"),
)
SETTINGS = """
load_subconfig({config!r})
c.JupyterHub.bind_url, c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[0]}", "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.log_level = "WARN"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args += ["--allow-root"]
c.JupyterHub.services = [{{"name": "students", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "students", "services": ["students"], "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


class Hub:
    """A hub, and what was measured in it: seconds by what they were spent on, and failures."""

    def __init__(self, address: str, token: str, process: psutil.Process) -> None:
        self.address, self.headers, self.process = address, {"Authorization": f"token {token}"}, process
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.failures: list[str] = []

    async def ask(self, method: str, path: str) -> HTTPResponse:
        """Send a request to the hub or a student's server, again if the hub is too busy to start one more server."""
        body = "{}" if method == "POST" else None
        request = HTTPRequest(self.address + path, method, self.headers, body, request_timeout=PATIENCE)
        while (answer := await AsyncHTTPClient().fetch(request, raise_error=False)).code == 429:
            await asyncio.sleep(2)
        answer.rethrow()
        return answer

    async def spawn(self, user: str) -> None:
        """Start the server of a student, and wait until it is ready."""
        await self.ask("POST", f"/hub/api/users/{user}")
        start = time.perf_counter()
        await self.ask("POST", f"/hub/api/users/{user}/server")
        while not json.loads((await self.ask("GET", f"/hub/api/users/{user}")).body)["servers"].get("", {})["ready"]:
            await asyncio.sleep(0.25)
        self.seconds["spawn"].append(time.perf_counter() - start)

    def memory(self) -> list[float]:
        """Return the megabytes of each student's server with its kernels."""
        servers = [child for child in self.process.children() if "jupyterhub.singleuser" in child.cmdline()]
        return [sum(each.memory_info().rss for each in [it, *it.children(recursive=True)]) / 1e6 for it in servers]

    def processor(self) -> float:
        """Return the processor seconds of the hub, its proxy, the servers and the kernels."""
        spent = [each.cpu_times() for each in [self.process, *self.process.children(recursive=True)]]
        return float(sum(each.user + each.system for each in spent))


class Kernel:
    """A kernel of a student, as the page of a notebook uses it."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.explorer = ""  # the comm of the last explorer

    @classmethod
    async def start(cls, hub: Hub, user: str) -> Kernel:
        """Start a kernel in the server of a student, and wait until it answers."""
        start = time.perf_counter()
        number = json.loads((await hub.ask("POST", f"/user/{user}/api/kernels")).body)["id"]
        address = f"{hub.address.replace('http', 'ws', 1)}/user/{user}/api/kernels/{number}/channels"
        kernel = cls(await websocket_connect(HTTPRequest(address, headers=hub.headers), max_message_size=10**8))
        await kernel.run("", "")
        hub.seconds["kernel"].append(time.perf_counter() - start)
        return kernel

    async def send(self, kind: str, content: dict[str, Any], **metadata: str) -> str:
        """Send a message, and return its id."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": kind, "username": "", "session": "benchmark", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": metadata, "content": content, "channel": "shell"}
        await self.socket.write_message(json.dumps(message))
        return number

    async def receive(self) -> dict[str, Any]:
        """Return the next message of the kernel."""
        text = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
        if text is None:
            raise ConnectionError("the connection to the kernel was closed")
        return dict(json.loads(text))

    async def run(self, code: str, cell: str) -> float:
        """Run a cell, and return the seconds until its reply and the end of its output."""
        start = time.perf_counter()
        number = await self.send("execute_request", {"code": code, "silent": False}, cellId=cell)
        missing = {"execute_reply", "idle"}
        while missing:
            message = await self.receive()
            content = message["content"]
            if message["msg_type"] == "comm_open" and "page" in content["data"].get("state", {}):
                self.explorer = content["comm_id"]
            if message["parent_header"].get("msg_id") == number:
                if message["msg_type"] == "error":
                    raise RuntimeError(f"cell {cell}: {content['ename']}: {content['evalue']}")
                missing -= {message["msg_type"], content.get("execution_state", "")}
        return time.perf_counter() - start

    async def act(self, number: int, **message: object) -> float:
        """Do something in the explorer, and return the seconds until its answer."""
        start, edit = time.perf_counter(), f"benchmark:{number}"
        content = {"method": "custom", "content": {**message, "edit": edit}}
        await self.send("comm_msg", {"comm_id": self.explorer, "data": content})
        while True:
            content = (await self.receive())["content"]
            view = content.get("data", {}).get("state", {}).get("view", {}) if "comm_id" in content else {}
            if view.get("edit") == edit:
                if view["alert"]:
                    raise RuntimeError(f"the explorer says: {view['alert']}")
                return time.perf_counter() - start


def cells(name: str) -> list[tuple[str, str]]:
    """Return the code and the id of the code cells of a lesson."""
    notebook = nbformat.read(lessons.find(name), as_version=4)
    return [(cell.source, cell.id) for cell in notebook.cells if cell.cell_type == "code"]


async def study(hub: Hub, user: str, think: float) -> None:
    """Run both lessons and drive the slider. A failure ends the work of this student."""
    try:
        for name in (FIRST, SECOND):
            kernel, seconds = await Kernel.start(hub, user), 0.0
            for code, cell in cells(name):
                await asyncio.sleep(random.expovariate(1 / think) if think else 0)
                hub.seconds["cell"].append(await kernel.run(code, cell))
                seconds += hub.seconds["cell"][-1]
            hub.seconds[name].append(seconds)
            if name == FIRST:
                await kernel.act(0, do="predict", text="up", name="")
                for move in range(1, MOVES + 1):
                    hub.seconds["slider"].append(
                        await kernel.act(move, do="set", name=SLIDER, value=1.3 + move / 20, again=move > 1)
                    )
                    await asyncio.sleep(0.03)
    except Exception as error:  # a failure of any kind is counted
        hub.failures.append(f"{user}: {type(error).__name__}: {error}")


async def measure(hub: Hub, count: int, think: float) -> None:
    """Let this many students work, and print their row of the table."""
    AsyncHTTPClient.configure(None, max_clients=2 * MOST)
    start, before, ours = time.perf_counter(), busy(), hub.processor()
    users = [f"s{number}" for number in range(count)]
    spawned = await asyncio.gather(*(hub.spawn(user) for user in users), return_exceptions=True)
    hub.failures += [f"spawn: {type(each).__name__}: {each}" for each in spawned if isinstance(each, BaseException)]
    started = hub.processor() - ours
    await asyncio.gather(*(study(hub, user, think) for user in users))
    memory, used = hub.memory(), hub.processor() - ours
    others = (busy() - before - used) / (time.perf_counter() - start)
    spent = {what: (statistics.median(all_), high(all_), max(all_)) for what, all_ in hub.seconds.items()}
    missing = (float("nan"),) * 3
    spawn, kernel, first, second, cell, slider = (
        spent.get(what, missing) for what in ("spawn", "kernel", FIRST, SECOND, "cell", "slider")
    )
    print(
        f"| {count} | {spawn[0]:.1f} / {spawn[2]:.1f} s | {kernel[0]:.1f} s | {first[0]:.1f} s | {second[0]:.1f} s "
        f"| {1000 * cell[0]:.0f} / {1000 * cell[1]:.0f} ms | {1000 * slider[0]:.0f} / {1000 * slider[1]:.0f} ms "
        f"| {statistics.mean(memory or [0]):.0f} MB | {started / count:.1f} / {used / count:.0f} s "
        f"| {len(hub.failures)} | {others:.1f} |",
        flush=True,
    )
    for failure in hub.failures:
        print(failure, file=sys.stderr)


def high(values: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[int(0.95 * (len(values) - 1))]


def busy() -> float:
    """Return the processor seconds that this machine has spent on anything."""
    spent = psutil.cpu_times()
    return float(sum(spent) - spent.idle - getattr(spent, "iowait", 0) - getattr(spent, "guest", 0))


@contextmanager
def running() -> Iterator[Hub]:
    """Run a hub in a temporary folder, and stop it with all its servers."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        token, ports = secrets.token_hex(16), [free_port() for _ in range(3)]
        config = Path(folder) / "config.py"
        settings = SETTINGS.format(config=str(CONFIG), ports=ports, folder=folder, token=token, python=sys.executable)
        config.write_text(settings, encoding="utf-8")
        environment = os.environ | {"CLASS_PASSWORD": secrets.token_hex(16)}
        words = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
        hub = Hub(f"http://127.0.0.1:{ports[0]}", token, psutil.Process(process.pid))
        try:
            asyncio.run(until_ready(hub, Path(folder) / "log"))
            yield hub
        finally:
            children = hub.process.children(recursive=True) if process.poll() is None else []
            process.terminate()
            process.wait(timeout=60)
            for child in psutil.wait_procs(children, timeout=20)[1]:
                child.kill()


async def until_ready(hub: Hub, log: Path) -> None:
    """Wait until the hub answers through its proxy, for at most a minute."""
    for _ in range(120):
        try:
            await hub.ask("GET", "/hub/api/")
            return
        except Exception:
            await asyncio.sleep(0.5)
    raise TimeoutError(f"the hub did not start:\n{log.read_text(encoding='utf-8')}")


def main() -> None:
    """Measure a separate hub for each number of students, and print a table."""
    parser = argparse.ArgumentParser(description="Measure a JupyterHub with N students.")
    parser.add_argument("students", type=int, nargs="*", default=[20], metavar="N", help=f"from 1 to {MOST}")
    parser.add_argument("--think", type=float, default=2.5, help="mean seconds before each cell (default: 2.5)")
    args = parser.parse_args()
    if not all(1 <= count <= MOST for count in args.students):
        parser.error(f"the number of students must be from 1 to {MOST}")
    print(f"Think time: {args.think} s. Processors: {os.cpu_count()}\n")
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    for count in args.students:
        with running() as hub:
            asyncio.run(asyncio.wait_for(measure(hub, count, args.think), LIMIT))


if __name__ == "__main__":
    main()
