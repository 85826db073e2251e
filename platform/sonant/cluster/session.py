"""[ray] Joining a Ray cluster, or starting one on this machine, without noise."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import ray

from sonant.cluster.code import runtime_env
from sonant.config.ray import RayConfig
from sonant.errors import EnvError

log = logging.getLogger(__name__)


@contextmanager
def connect(settings: RayConfig) -> Generator[None]:
    """Ray is up inside the block; afterwards, only what was started here is shut down.

    A session that this process has already is used as it is. Otherwise `settings.address`, then RAY_ADDRESS (set inside
    a submitted job) name a cluster to join; without either, Ray starts on this machine with room for the workers.
    """
    if ray.is_initialized():
        yield
        return
    address = settings.address or os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray starts its workers at the lowest priority but four: on a busy machine everything else would go first, the very
    # client of a server included. Only a Ray that starts here reads this; the Dockerfile says it for clusters.
    os.environ.setdefault("RAY_worker_niceness", "0")
    verbose = log.isEnabledFor(logging.INFO)
    common: dict[str, Any] = {
        "logging_level": logging.INFO if verbose else logging.ERROR,
        "log_to_driver": verbose,
    }
    try:
        ray.init(**common, **(_joining(address) if address else _starting(settings)))
    except (ConnectionError, TimeoutError, ValueError) as error:
        raise EnvError("env.cluster", f"no Ray cluster at {address or 'this machine'}: {error}") from error
    try:
        _check_resources(settings, joined=address is not None)
        yield
    finally:
        ray.shutdown()


@contextmanager
def joined(address: str) -> Generator[None]:
    """The Ray of a running server is joined inside the block; "" is that of RAY_ADDRESS, or else this machine's."""
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    if address == "auto":
        # What a server that was started here asks for, unless somebody has said something else.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    with connect(RayConfig(address=address)):
        yield


def _joining(address: str) -> dict[str, Any]:
    """A remote cluster gets our code; one on this machine, or the cluster whose job we are, has it."""
    return {"address": address, **({"runtime_env": runtime_env()} if address.startswith("ray://") else {})}


def _starting(settings: RayConfig) -> dict[str, Any]:
    """More workers than cores share them: slow, but a config made for a cluster can be tried on a laptop."""
    wanted = int(-(-settings.num_workers * settings.cpus_per_worker // 1))
    return {"address": "local", "include_dashboard": False, "num_cpus": max(os.cpu_count() or 1, wanted)}


def _check_resources(settings: RayConfig, *, joined: bool) -> None:
    """Ray waits for resources without end; where none can come, that is an error now."""
    gpus = ray.cluster_resources().get("GPU", 0.0)
    if not settings.use_gpu or gpus >= settings.num_workers:
        return
    message = f"ray.use_gpu needs {settings.num_workers} GPUs, there are {gpus:g}"
    if not joined:
        raise EnvError("env.cluster", message, hint="set ray.use_gpu=false, or ray.address to a cluster that has them")
    log.warning("%s: waiting for the cluster to grow", message)
