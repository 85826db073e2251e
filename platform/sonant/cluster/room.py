"""Whether the replicas of a serve file fit on a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sonant.config.serve import HomeApplication, ServeFile
from sonant.errors import EnvError


def check_room(file: ServeFile, resources: Mapping[str, float]) -> None:
    """Serve waits for ever for a replica that fits nowhere; on a fixed cluster that can be told at once."""
    if os.environ.get("RAY_ADDRESS"):
        return  # an autoscaler may add nodes
    needed: dict[str, float] = {"CPU": 0.0, "GPU": 0.0}
    for app in file.applications:
        if not isinstance(app, HomeApplication):
            for stage in app.args.stages:
                needed["CPU"] += stage.least_replicas * stage.num_cpus
                needed["GPU"] += stage.least_replicas * stage.num_gpus
    for name, amount in needed.items():
        if amount > resources.get(name, 0.0):
            raise EnvError(
                "env.cluster",
                f"the replicas ask for {amount:g} {name}s, Ray has {resources.get(name, 0.0):g}",
                hint="lower num_replicas or num_cpus of the stages",
            )
