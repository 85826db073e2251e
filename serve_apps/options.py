"""What a stage's settings are in Ray Serve's words."""

from __future__ import annotations

from typing import Any

from sonant.config.replica import StageOptions
from sonant.config.serve import ModelApp


def serve_options(stage: StageOptions) -> dict[str, Any]:
    """Keywords of `serve.deployment`."""
    options = stage.model_dump(exclude={"num_cpus", "num_gpus", "autoscaling"}, exclude_none=True)
    if stage.autoscaling is not None:
        options["autoscaling_config"] = stage.autoscaling.serve_config()
    return {**options, "ray_actor_options": {"num_cpus": stage.num_cpus, "num_gpus": stage.num_gpus}}


def routed(app: ModelApp, *, haproxy: bool) -> dict[str, Any]:
    """Keywords of `serve.deployment` for how Ray's own proxy finds the replica of a request. Behind HAProxy nothing may
    be said of it: that has a table of its own."""
    if haproxy or not app.affinity:
        return {}
    return {"request_router_config": {"request_router_class": "serve_apps.router:SessionRouter"}}
