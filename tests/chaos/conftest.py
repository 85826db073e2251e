"""A Ray and a Serve of our own, whose replicas may be killed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import ray


@pytest.fixture(scope="module")
def serve_here(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[..., str]]:
    """Deploys the arguments of an extractor as two replicas, again and again: `serve_here(args)` gives its URL. Others
    are deployed beside it by their names: `serve_here(args, other=args)`."""
    from ray import serve as ray_serve

    from sonant.cluster import serve
    from sonant.config.load import check
    from sonant.config.serve import ServeFile

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    root = Path(__file__).parents[2]
    environment = {"env_vars": {"PYTHONPATH": f"{root}/platform:{root}", "OMP_NUM_THREADS": "1"}}
    ray.init(
        address="local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
        runtime_env=environment,
    )  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def deploy(args: dict[str, Any], **others: dict[str, Any]) -> str:
        ingress = {"num_replicas": 2, "num_cpus": 0.1, "graceful_shutdown_timeout_s": 2}
        apps = [
            {
                "name": name,
                "route_prefix": f"/v1/audio/{name}ions",
                "import_path": "serve_apps.extract:build",
                "args": {"providers": ["CPUExecutionProvider"], "ingress": ingress, **its},
            }
            for name, its in {"extract": args, **others}.items()
        ]
        file: ServeFile = check(ServeFile, {"http_options": {"port": port}, "applications": apps})
        return serve.deploy(file, fast=False).url + "/v1/audio/extractions"

    yield deploy
    ray_serve.shutdown()
    ray.shutdown()
