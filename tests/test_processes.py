"""Work that several processes share: in order, taken late, and the same as in one process."""

import operator
import os
from contextlib import closing

import pytest

from bpcourse.classroom.processes import AHEAD, FEW, MOST_PROCESSES, in_processes


def test_in_processes__results_come_in_order_from_other_processes():
    assert list(in_processes(operator.neg, range(20))) == [-number for number in range(20)]
    assert os.getpid() not in set(in_processes(_process, range(FEW + 1)))


def test_in_processes__few_jobs_need_no_other_process():
    assert set(in_processes(_process, range(FEW))) == {os.getpid()}
    assert os.getpid() not in set(in_processes(_process, range(1), few=0))


def test_in_processes__takes_jobs_late():
    taken = []
    with closing(in_processes(operator.neg, (taken.append(job) or job for job in range(1000)))) as results:
        assert next(results) == 0
    assert FEW < len(taken) <= FEW + 2 + AHEAD * MOST_PROCESSES


def test_in_processes__an_error_in_a_job_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_processes((1).__floordiv__, [1, 1, 1, 1, 1, 0]))


def _process(job):
    return os.getpid()
