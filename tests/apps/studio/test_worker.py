"""One job at a time; whoever looks away stops it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import coop_runtime
from coop_apps.studio.worker import Worker
from coop_runtime import CoopError


def test_the_last_result_always_comes() -> None:
    for _ in range(50):
        assert [*Worker(10.0).run(lambda: range(5), every=0.0)][-1] == 4


def test_results_in_between_are_left_out_when_nobody_looks() -> None:
    seen = list(Worker(10.0).run(lambda: range(100_000), every=0.05))
    assert seen[-1] == 99_999
    assert len(seen) < 1000


def test_an_error_of_the_work_is_raised() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise CoopError("no such stone")

    with pytest.raises(CoopError, match="no such stone"):
        list(Worker(10.0).run(work, every=0.0))


def test_one_job_at_a_time() -> None:
    worker, running, most = Worker(30.0), [0], [0]

    def work() -> Iterator[int]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.02)
        yield 1
        running[0] -= 1

    threads = [threading.Thread(target=lambda: list(worker.run(work))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_who_looks_away_stops_the_job() -> None:
    worker, steps = Worker(30.0), list[int]()

    def work() -> Iterator[int]:
        for k in range(10_000):
            steps.append(k)
            time.sleep(0.01)
            yield k

    looking = worker.run(work, every=0.0)
    assert next(looking) == 0
    looking.close()
    assert list(worker.run(lambda: [7])) == [7]  # after the other has stopped
    assert len(steps) < 1000


def test_a_job_that_gives_nothing_is_interrupted_in_its_calls(library: Path) -> None:
    worker = Worker(60.0)
    model = coop_runtime.load(library / "brick", "cpu", interrupt=worker.interrupted)
    calls = []

    def work() -> Iterator[int]:
        yield 0
        while True:
            model.generate(1)
            calls.append(1)

    looking = worker.run(work, every=0.0)
    assert [next(looking), next(looking)] == [0, 0]  # the same again: a chance to leave
    looking.close()
    assert list(worker.run(lambda: [int(model.generate(1).size > 0)])) == [1]
    count = len(calls)
    time.sleep(0.1)
    assert len(calls) == count


def test_a_job_that_takes_too_long_is_stopped() -> None:
    def work() -> Iterator[int]:
        while True:
            time.sleep(0.01)
            yield 0

    with pytest.raises(CoopError, match=r"longer than 0\.2 seconds"):
        list(Worker(0.2).run(work, every=0.0))
