"""One Ray for all tests of a module that train: starting it takes longer than most of them."""

import os
from collections.abc import Generator

import pytest
import ray


@pytest.fixture(scope="module")
def ray_session() -> Generator[None]:
    """A Ray of two CPUs on this machine, without a dashboard; `connect` uses it as it is."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    started = not ray.is_initialized()
    if started:
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    if started:
        ray.shutdown()
