"""[ray] Brings applications up on the Ray that is there, beside those that run or in their place.

Serve replaces an application when its arguments change, and takes away those that a new list leaves out. So what runs
and is not ours to change is handed over again as it is, its replicas notice nothing; and what a bundle's name means is
written into the arguments (STORE/NAME@ALIAS=VERSION), so that a moved alias is a change, and a replica that starts
later serves what the others serve. Live sessions of what is replaced are told before, and go on in what comes.
"""

from __future__ import annotations

import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, cast

from sonant.cluster.room import check_room
from sonant.config.load import check
from sonant.config.serve import Application, HomeApplication, Mounted, RollingApp, ServeFile
from sonant.errors import BundleError, EnvError
from sonant.runtime.refs import Named, locate, named, read_aliases

log = logging.getLogger(__name__)

Running = dict[str, dict[str, Any]]
"""What is deployed, by name: applications as a serve file has them."""

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
_NO_SESSIONS = ("serve_apps.transcribe:build", "serve_apps.tensors:build", "serve_apps.home:build")
_START_S = 300.0
_DRAIN_S = 60.0
_EARLIER = 8
"""Bundles before this one whose sessions may still go on."""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what http_proxy says is not about us
_POLL_S = 0.1


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    proxy: Literal["haproxy", "ray"]
    applications: dict[str, str]
    """Route prefixes by name."""
    ray: str
    """Address of its Ray, for `sonant promote --serve`."""
    changed: tuple[str, ...] = ()
    """Applications that were not there before, or were replaced."""


def deploy(file: ServeFile, *, fast: bool) -> Served:
    """Brings the applications of a file up; `fast` tells that HAProxy is in front."""
    import ray

    check_room(file, ray.cluster_resources())
    before = running()
    after = [succeeding(app, before.get(app.name)) for app in map(pinned, file.applications)]
    changed = put([told(app) for app in after], before, file)
    listens = _client().http_config
    served = Served(
        url=f"http://{_reachable(listens.host)}:{listens.port}",
        proxy="haproxy" if fast else "ray",
        applications={app.name: app.route_prefix for app in file.applications},
        ray=str(ray.get_runtime_context().gcs_address),
        changed=tuple(changed),
    )
    _wait_until_answering(file.applications, served.url)
    log.info("%s serves %s", served.url, ", ".join(served.applications))
    return served


def running() -> Running:
    """What is deployed on this Ray, other people's applications too."""
    client = _client()
    details = {} if client is None else cast(dict[str, Any], client.get_serve_details()["applications"])
    return {
        name: one["deployed_app_config"]
        for name, one in details.items()
        if one.get("deployed_app_config") is not None and one["status"] != "DELETING"
    }


def told(app: Application) -> dict[str, Any]:
    """An application as Serve is told of it."""
    return app.model_dump(mode="json")


def pinned(app: Application) -> Application:
    """The application with every alias held at what it means now."""
    return app if isinstance(app, HomeApplication) else repointed(app, hold)


def repointed(app: Mounted[Any, Any], change: Callable[[str], str]) -> Application:
    """The application with its references to bundles as `change` has them."""
    return cast(Application, app.model_copy(update={"args": app.args.pointed(change)}))


def hold(ref: str) -> str:
    """STORE/NAME@ALIAS as STORE/NAME@ALIAS=VERSION, where the store is seen from here; anything else as it is."""
    parts = named(ref)
    if parts is None or parts.version is not None:
        return ref
    parts = parts._replace(store=whole(parts.store))
    found = read_aliases(parts.store, parts.name).current().get(parts.alias)
    if found is not None:
        return str(parts._replace(version=found.version))
    try:
        locate(str(parts))  # a version
    except BundleError:
        log.warning("%s is not seen from here: each replica looks for itself what it means", ref)
        return ref
    return str(parts)


def whole(store: str) -> str:
    """A store's place whatever folder the replicas run in; on a cluster elsewhere, our folders mean nothing."""
    from ray.util.client import ray as elsewhere

    return store if elsewhere.is_connected() else absolute(store)


def absolute(store: str) -> str:
    """A folder from the root; URLs stay as they are."""
    return os.path.abspath(os.path.expanduser(store)) if "://" not in store else store


def succeeding(app: Application, before: Mapping[str, Any] | None) -> Application:
    """The application with the bundles of the one before it, whose live sessions may come and go on."""
    if before is None or not isinstance(app.args, RollingApp):
        return app
    old = cast(dict[str, Any], before.get("args") or {})
    tried = cast(dict[str, Any], old.get("canary") or {}).get("bundle")
    known = (old.get("bundle"), tried, *old.get("earlier", ()), *app.args.earlier)
    past = [_version(ref) for ref in known if isinstance(ref, str)]
    now = {_version(ref) for ref in app.args.bundles}
    earlier = [ref for ref in dict.fromkeys(past) if ref not in now][:_EARLIER]
    return app.model_copy(update={"args": app.args.model_copy(update={"earlier": tuple(earlier)})})


def _version(ref: str) -> str:
    """STORE/NAME@VERSION of what an alias was held at."""
    try:
        parts = named(ref)
    except BundleError:
        return ref
    return ref if parts is None or parts.version is None else str(Named(parts.store, parts.name, parts.version))


def put(applications: Sequence[dict[str, Any]], before: Running, file: ServeFile | None = None) -> list[str]:
    """Hands applications to Serve, with those of `before` that are none of them, and waits until all run. Gives the
    names of those that changed: no other is touched. `file` says where to listen, if nobody does yet."""
    after = {**before, **{one["name"]: one for one in applications}}
    changed = [one["name"] for one in applications if _differs(one, before.get(one["name"]))]
    drained = drain(before[name] for name in changed if name in before)
    _hand_over(list(after.values()), file)
    _wait_until_running({one["name"] for one in applications})
    admit(drained)
    return changed


def _differs(one: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    return before is None or any(one.get(what) != before.get(what) for what in ("import_path", "args", "route_prefix"))


def ours(one: Mapping[str, Any]) -> Application | None:
    """An application that runs, checked; None for other people's."""
    if one.get("import_path") not in _READY_PATHS:
        return None
    plain = {name: one[name] for name in ("name", "route_prefix", "import_path", "args") if name in one}
    if plain["import_path"] == "serve_apps.home:build":
        return None  # it lists applications, and those of a single one are not all
    found: ServeFile = check(ServeFile, {"applications": [plain]}, source=str(one.get("name")))
    return found.applications[0]


def drain(applications: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ends the live sessions of applications, before Serve cuts them: each is told, and goes on in what comes if it
    can. Gives the names of those that run and may have any."""
    from ray import serve

    states = {name: app.status.value for name, app in serve.status().applications.items()}
    live = [one["name"] for one in applications if one["import_path"] in set(_READY_PATHS) - set(_NO_SESSIONS)]
    drained = [name for name in live if states.get(name) == "RUNNING"]
    for name, answers in _tell(drained, "drain").items():
        log.info("%s: %d live sessions were told", name, sum(answers))
    return drained


def admit(names: Sequence[str]) -> None:
    """Lets sessions in again where a replica has stayed."""
    _tell(names, "admit")


def _tell(names: Sequence[str], what: str) -> dict[str, list[Any]]:
    """Calls a method of all replicas of applications that take requests, at the same time; what cannot be told is
    logged: a replica that is gone has no sessions, and the new version must come all the same."""
    from ray import serve

    def ask(name: str) -> list[Any]:
        try:
            return serve.get_deployment_handle("Ingress", name).broadcast(what).results(timeout_s=_DRAIN_S)
        except Exception as error:
            log.warning("%s: %s is not answered: %s", name, what, error)
            return []

    if not names:
        return {}
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _client() -> Any:
    """Serve's controller, if there is one."""
    from ray.serve.context import _get_global_client  # pyright: ignore[reportPrivateUsage]

    return _get_global_client(raise_if_no_controller_running=False)


def _hand_over(applications: list[dict[str, Any]], file: ServeFile | None) -> None:
    """As `serve run` does it: the declarative path, which `serve deploy` takes over HTTP."""
    from ray.serve._private import api
    from ray.serve.schema import ServeDeploySchema

    own = {"fast_proxy", "keys", "tracing", "applications"}
    server = {} if file is None else file.model_dump(mode="json", exclude=own)
    schema = ServeDeploySchema.model_validate({**server, "applications": applications})
    client = _client() if file is None else api.serve_start(
        http_options=schema.http_options.model_dump(),
        proxy_location=schema.proxy_location,
        global_logging_config=schema.logging_config,
    )  # fmt: skip
    client.deploy_apps(schema, _blocking=False)


def _wait_until_running(wanted: set[str]) -> None:
    from ray import serve

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


def _wait_until_answering(applications: Sequence[Application], url: str) -> None:
    """Until requests come through the proxy: it learns of new replicas a moment after they run."""
    deadline = time.monotonic() + 60
    for app in applications:
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


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
