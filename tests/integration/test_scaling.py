"""[ray] What a serve file says about scaling is what Serve gets, deployment by deployment; no cluster is started."""

from __future__ import annotations

import inspect
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)  # Ray's own

LIVE = {"kind": "live", "min_replicas": 0, "max_replicas": 6, "free_slots": 0.3, "up_s": 1}
BY_REQUESTS = {"kind": "requests", "min_replicas": 1, "max_replicas": 3, "ongoing": 8, "down_s": 60}


def deployments(**args: Any) -> dict[str, Any]:
    """Serve's settings of the deployments of an application, by name."""
    from serve_apps.classify import build

    found: dict[str, Any] = {}

    def walk(application: Any) -> None:
        bound = application._bound_deployment
        found[bound.name] = bound._deployment_config
        for argument in bound.init_args:
            if hasattr(argument, "_bound_deployment"):
                walk(argument)

    walk(build({"bundle": "b", **args}))
    return found


def test_each_stage_of_a_split_application_scales_alone() -> None:
    found = deployments(
        placement="split",
        ingress={"autoscaling": LIVE, "num_cpus": 0.5},
        model={"autoscaling": BY_REQUESTS, "num_gpus": 0.5},
        postprocess={"num_replicas": 2},
    )
    assert set(found) == {"Ingress", "ModelStage", "PostprocessStage"}
    ingress, model = found["Ingress"].autoscaling_config, found["ModelStage"].autoscaling_config
    assert (ingress.min_replicas, ingress.max_replicas) == (0, 6)
    assert (model.min_replicas, model.max_replicas, model.target_ongoing_requests) == (1, 3, 8)
    assert model.downscale_delay_s == 60
    assert model.policy.is_default_policy_function()
    assert found["PostprocessStage"].autoscaling_config is None
    assert found["PostprocessStage"].num_replicas == 2


def test_serves_autoscaler_asks_our_policy_with_what_replicas_tell() -> None:
    """Serve's own state of a deployment, without its controller around it."""
    from ray.serve._private.autoscaling_state import DeploymentAutoscalingState
    from ray.serve._private.common import DeploymentID, ReplicaID, ReplicaMetricReport, TimeStampedValue
    from ray.serve._private.deployment_info import DeploymentInfo

    deployment = DeploymentID("Ingress", "words")
    config = deployments(ingress={"autoscaling": {**LIVE, "up_s": 0, "down_s": 0}})["Ingress"]
    state = DeploymentAutoscalingState(deployment)
    state.register(DeploymentInfo(config, None, 0, "job"), 1)
    replicas = [ReplicaID(name, deployment) for name in ("one", "two")]
    state.update_running_replica_ids(replicas)
    assert state.get_decision_num_replicas(2) == 2, "nobody has told anything"

    def tell(at: float, replica: Any, **told: float) -> None:
        series = {name: [TimeStampedValue(at - 1, value), TimeStampedValue(at, value)] for name, value in told.items()}
        state.record_request_metrics_for_replica(ReplicaMetricReport(replica, series, at))

    now = time.time()
    for replica, sessions in zip(replicas, (10, 6), strict=True):
        tell(now, replica, slots=10, sessions=sessions, files=0, chunks=1000, late=0)
    assert state.get_decision_num_replicas(2) == 3, "three of ten places are to be free"
    for replica in replicas:
        tell(now + 1, replica, slots=10, sessions=2, files=0, chunks=1000, late=0)
    assert state.get_decision_num_replicas(3) == 1
    for replica in replicas:
        tell(now + 2, replica, slots=10, sessions=0, files=0, chunks=1000, late=0)
    assert state.get_decision_num_replicas(1) == 0


def test_ray_still_says_where_we_look_that_a_replica_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no public way to ask; a test with real replicas is in tests/chaos."""
    from ray._private import worker
    from ray.serve._private.replica import Replica, ReplicaActor

    from serve_apps.leaving import is_leaving

    assert "self._replica_impl" in inspect.getsource(ReplicaActor.__init__)
    stops = inspect.getsource(Replica._perform_graceful_shutdown)
    assert stops.index("self._shutting_down = True") < stops.index("_drain_ongoing_requests")
    assert not is_leaving()
    for stopped in (False, True):
        replica = SimpleNamespace(_replica_impl=SimpleNamespace(_shutting_down=stopped))
        monkeypatch.setattr(worker.global_worker, "actors", {"id": replica})
        assert is_leaving() == stopped


def test_what_names_its_session_stays_and_the_rest_goes_to_the_less_busy() -> None:
    import asyncio

    found = deployments()["Ingress"].request_router_config
    assert found.request_router_class == "serve_apps.router:SessionRouter"
    router: Any = found.get_request_router_class()
    ring = router.__new__(router)
    replicas = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in "abcd"]
    ids = {SimpleName(one.replica_id.unique_id): one for one in replicas}
    ring._replicas, ring._num_virtual_nodes, ring._num_fallback_replicas = ids, 100, 1
    ring._deployment_id = "d"
    ring._rebuild_ring(frozenset(ids))

    def chosen(session: str) -> list[list[Any]]:
        asked = SimpleNamespace(
            metadata=SimpleNamespace(session_id=session, internal_request_id="r"), routing_context=SimpleNamespace()
        )
        return asyncio.run(ring.choose_replicas(replicas, asked))

    firsts = {f"s{number}": chosen(f"s{number}")[0] for number in range(40)}
    assert all(len(first) == 1 for first in firsts.values())
    assert {first[0].replica_id.unique_id for first in firsts.values()} == set("abcd")
    assert all(chosen(session)[0] == first for session, first in firsts.items())
    pairs = [chosen("") for _ in range(40)]
    assert all(len(pair) == 1 and len(pair[0]) == 2 and pair[0][0] is not pair[0][1] for pair in pairs)
    assert {one.replica_id.unique_id for [pair] in pairs for one in pair} == set("abcd")


class SimpleName(str):
    """A replica's id as the ring wants it."""

    __slots__ = ()

    @property
    def unique_id(self) -> str:
        return str(self)
