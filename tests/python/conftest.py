"""How the suite is spread over the processors of a machine, and what it draws."""

import os

import pytest
from hypothesis import settings

# Files that take minutes begin first, so that no worker is left alone with one at the end.
_LONGEST = (
    "test_interrupted_runs.py",
    "test_traps.py",
    "test_trust.py",
    "test_properties.py",
    "test_validate.py",
    "test_deliveries.py",
)

# Workers run the warehouse side by side: each computes one model at a time, and where there are as
# many workers as processors, on a processor of its own.
os.environ.setdefault("ENCOURS_THREADS", "1")

# The same code is tried on the same examples, like the companies; any ENCOURS_SEED draws others.
settings.register_profile("repeatable", derandomize="ENCOURS_SEED" not in os.environ)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Give a worker its processor; the runs that it starts inherit it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker or not hasattr(os, "sched_setaffinity"):
        return
    processors = sorted(os.sched_getaffinity(0))
    if int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) == len(processors):
        os.sched_setaffinity(0, {processors[int(worker.removeprefix("gw"))]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, the quick ones of the readers last."""

    def rank(item: pytest.Item) -> int:
        if item.path.name in _LONGEST:
            return _LONGEST.index(item.path.name)
        return len(_LONGEST) + (item.get_closest_marker("slow") is None)

    items.sort(key=rank)
