"""Work that several processes share. They end with the first one, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import TypeVar

from bpcourse.classroom.pdf import UNINTERRUPTED, end_running

Job = TypeVar("Job")
Result = TypeVar("Result")

FEW = 4  # jobs, for which no further process is started
MOST_PROCESSES = 8
AHEAD = 4  # jobs for each process that wait to be done


def in_processes(
    work: Callable[[Job], Result], jobs: Iterable[Job], *, few: int = FEW
) -> Generator[Result, None, None]:
    """Do jobs in several processes, and yield what comes out, in order.

    The processes end as soon as this one closes the pipe to them, or ends in any way.

    Parameters
    ----------
    work : callable
        Does one job. It, the jobs and their results are pickled.
    jobs : iterable
        The jobs. Each is taken only shortly before it is done.
    few : int
        As many jobs are done in this process.

    Raises
    ------
    ValueError
        If a process was killed.

    Examples
    --------
    >>> list(in_processes(abs, [-1, 2]))
    [1, 2]
    """
    jobs = iter(jobs)
    first = list(islice(jobs, few + 1))
    if len(first) <= few:
        yield from map(work, first)
        return
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    count = min(os.cpu_count() or 1, MOST_PROCESSES)
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(count, context, _start_process, (theirs,)) as pool, ours:
        try:
            for job in chain(first, jobs):
                with _ctrl_c_later():
                    waiting.append(pool.submit(work, job))
                if len(waiting) > AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise ValueError("a worker process was killed. Run the same command again to continue.") from None


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Put Ctrl-C off for a moment. A process that is started then never gets it: it inherits this."""
    if sys.platform == "win32":
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _start_process(pipe: Connection) -> None:
    """Prepare a process: it ends when the first process closes the pipe or ends, not by a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # unlike SIG_IGN, a browser does not inherit this
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()


def _end_with(pipe: Connection) -> None:
    """Wait until the pipe is closed. Then end this process and its browser, but not in the middle of a file."""
    with suppress(EOFError, OSError):
        pipe.recv_bytes()
    with UNINTERRUPTED:
        end_running()
        os._exit(0)
