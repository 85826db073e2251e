"""What a stage's settings become for Ray Serve."""

from __future__ import annotations

from typing import Any

import pytest

from serve_apps.options import routed, serve_options
from sonant.config.load import check
from sonant.config.replica import StageOptions
from sonant.config.serve import ClassifyApp
from sonant.edge.scaling import LivePolicy


def options(**stage: Any) -> dict[str, Any]:
    return serve_options(check(StageOptions, stage))


def test_a_fixed_number_is_said_as_it_is() -> None:
    said = options(num_replicas=3, num_cpus=0.5)
    assert said["num_replicas"] == 3
    assert said["ray_actor_options"] == {"num_cpus": 0.5, "num_gpus": 0.0}
    assert "autoscaling_config" not in said
    assert "autoscaling" not in said


def test_files_are_scaled_by_serves_own_policy() -> None:
    rules = {"kind": "requests", "min_replicas": 0, "max_replicas": 9, "ongoing": 2.5, "up_s": 1, "down_s": 7}
    assert options(autoscaling=rules)["autoscaling_config"] == {
        "min_replicas": 0,
        "max_replicas": 9,
        "target_ongoing_requests": 2.5,
        "upscale_delay_s": 1.0,
        "downscale_delay_s": 7.0,
    }
    own = {"max_replicas": 3, "target_ongoing_requests": 1}
    assert options(autoscaling_config=own)["autoscaling_config"] == own


def test_live_sessions_are_scaled_by_our_policy_which_takes_these_rules() -> None:
    config = options(autoscaling={"kind": "live", "max_replicas": 4, "free_slots": 0.5})["autoscaling_config"]
    assert (config["min_replicas"], config["max_replicas"]) == (1, 4)
    policy = config["policy"]
    assert policy["policy_function"] == f"{LivePolicy.__module__}:{LivePolicy.__name__}"
    LivePolicy(**policy["policy_kwargs"])
    with pytest.raises(TypeError):
        LivePolicy(**policy["policy_kwargs"], more=1)
    assert policy["policy_kwargs"]["free_slots"] == 0.5


def test_sessions_find_their_replica_unless_they_are_not_to() -> None:
    router = routed(ClassifyApp(bundle="b"), haproxy=False)["request_router_config"]["request_router_class"]
    assert router == "serve_apps.router:SessionRouter"
    assert routed(ClassifyApp(bundle="b", affinity=False), haproxy=False) == {}
    assert routed(ClassifyApp(bundle="b"), haproxy=True) == {}, "Ray refuses to deploy it"
