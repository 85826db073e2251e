"""The home application: health, the list of models, metrics, one documentation, and a console that stays at home."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serve_apps import classify, home
from sonant.client import Client
from sonant.config.serve import ClassifyApp, HomeApp
from sonant.edge import face
from sonant.edge.compare import Comparison
from sonant.edge.metrics import Metrics, Snapshot
from sonant.edge.openapi import merge
from sonant.errors import EnvError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.verbs.rollouts import table

ROUTE = "/v1/audio/classifications"


class Neighbours:
    """Two applications in this process: `words` answers, `gone` does not."""

    def __init__(self, bundle: Path) -> None:
        app = ClassifyApp(bundle=str(bundle), providers=("CPUExecutionProvider",))
        engine = Engine(open_bundle(bundle), providers=("CPUExecutionProvider",))
        self.replicas = {name: Metrics("classify", "tiny", "1") for name in ("r1", "r2")}
        pipeline = classify.fused(app, engine, self.replicas["r1"])
        api = classify.create_face(app, engine, pipeline, self.replicas["r1"]).api
        self.description = {
            "model": classify.describe(app, engine).model_dump(mode="json"),
            "openapi": face.openapi(api),
            "deployments": ["Ingress"],
        }

    async def describe(self, name: str) -> dict[str, Any]:
        if name != "words":
            raise EnvError("env.cluster", f"{name} is gone")
        return self.description

    async def snapshots(self, name: str, deployments: list[str]) -> dict[str, Snapshot]:
        assert (name, deployments) == ("words", ["Ingress"])
        return {replica: metrics.snapshot() for replica, metrics in self.replicas.items()}

    async def rollouts(self, name: str) -> list[dict[str, Any]]:
        compared = Comparison()
        for number in range(120):
            compared.add({"agreement": 1.0, "champion_s": 0.001, "candidate_s": 0.001 * (1 + number % 2)})
        stale = {"candidate": "tiny/0", "rule": {}, **compared.wire()}
        return [stale, *({"candidate": "tiny/2", "rule": {"least": 200}, **compared.wire()} for _ in range(2))]


@pytest.fixture(scope="module")
def neighbours(tiny_bundle: Path) -> Neighbours:
    return Neighbours(tiny_bundle)


@pytest.fixture
def start(neighbours: Neighbours, run_app: Callable[..., Any]) -> Generator[Callable[..., str]]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(**applications: str) -> str:
            api = home.create_api(HomeApp(title="test", applications=applications), neighbours)
            return stack.enter_context(run_app(api))

        yield run


def test_it_is_ready_when_all_others_are(start: Callable[..., str]) -> None:
    url = start(words=ROUTE)
    assert httpx.get(f"{url}/livez").json() == {"live": True}
    assert httpx.get(f"{url}/readyz").json() == {"ready": True, "applications": {"words": True}}


def test_it_lives_and_is_not_ready_while_one_is_missing(start: Callable[..., str]) -> None:
    url = start(words=ROUTE, gone="/gone")
    assert httpx.get(f"{url}/livez").status_code == 200
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "server.starting"
    assert "gone" in answer.json()["error"]["message"]
    assert answer.headers["retry-after"] == "1"
    assert [one["application"] for one in httpx.get(f"{url}/v1/models").json()["models"]] == ["words"]


def test_models_are_listed_with_their_routes(start: Callable[..., str]) -> None:
    [model] = httpx.get(f"{start(words=ROUTE)}/v1/models").json()["models"]
    assert (model["application"], model["route"], model["task"]) == ("words", ROUTE, "classify")
    assert model["labels"] == ["_silence_", "no", "yes"]


def test_metrics_hold_every_replica(start: Callable[..., str]) -> None:
    answer = httpx.get(f"{start(words=ROUTE)}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    replicas = {
        sample.labels["replica"] for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }
    assert replicas == {"r1", "r2"}


def test_the_documentation_joins_all_routes(start: Callable[..., str]) -> None:
    document = httpx.get(f"{start(words=ROUTE)}/openapi.json").json()
    assert {ROUTE, f"{ROUTE}/info", f"{ROUTE}/stream", "/readyz", "/v1/models", "/metrics"} <= set(document["paths"])
    assert document["info"]["title"] == "test"
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"#/components/schemas/(\w+)"', str(document).replace("'", '"')):
        assert reference in schemas


@pytest.mark.parametrize("path", ["/", "/docs", "/console/app.js", "/console/style.css"])
def test_pages_come_with_a_policy_that_lets_nothing_in(start: Callable[..., str], path: str) -> None:
    answer = httpx.get(f"{start()}{path}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


@pytest.mark.parametrize("path", ["/nope", "/console/", "/console/nope.js", "/console/..%2fhome.py", "/v1/audio/other"])
def test_there_is_nothing_else(start: Callable[..., str], path: str) -> None:
    answer = httpx.get(f"{start()}{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "request.not_found")


def test_the_console_names_no_other_host_and_no_inline_code() -> None:
    for path in home.CONSOLE.iterdir():
        text = path.read_text(encoding="ascii")
        hosts = [host for host in re.findall(r"https?://[^\s\"'`)]+", text) if host != "http://www.w3.org/2000/svg"]
        assert hosts == [], path.name
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text), path.name


def test_every_part_that_a_page_asks_for_exists() -> None:
    names = {path.name for path in home.CONSOLE.iterdir()}
    for path in home.CONSOLE.iterdir():
        text = path.read_text(encoding="ascii")
        asked = re.findall(r'(?:src|href)="console/([^"]+)"', text)
        asked += re.findall(r'(?:from|URL\() ?"(?:\./)?([\w.]+\.js)"', text)
        assert set(asked) <= names, path.name


def test_documents_are_merged_by_prefix() -> None:
    one = {"paths": {"": {"post": {}}}, "components": {"schemas": {"A": {}}}}
    other = {"paths": {"/x": {"get": {}}}}
    merged = merge("t", {"/one": one, "": other})
    assert list(merged["paths"]) == ["/one", "/x"]
    assert merged["components"]["schemas"] == {"A": {}}


def test_an_application_that_sleeps_is_not_woken_by_those_who_look_after_it() -> None:
    asked: list[str] = []
    asleep = {"never": True, "seldom": False}

    async def ask(name: str) -> dict[str, Any]:
        asked.append(name)
        return {"sleeps": name == "seldom"}

    async def run() -> None:
        directory = home.ServeDirectory(ask, asleep.__getitem__)
        for name in ("never", "seldom"):
            await directory.describe(name)  # nothing is known: it is asked, and so woken
        asleep["seldom"] = True
        for name in ("never", "seldom"):
            assert await directory.describe(name) == {"sleeps": name == "seldom"}
        asleep["seldom"] = False
        await directory.describe("seldom")

    asyncio.run(run())
    assert asked == ["never", "seldom", "never", "seldom"]


def test_candidates_on_trial_are_told(
    start: Callable[..., str], neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = start(words=ROUTE, gone="/gone")
    assert Client(url).rollouts() == []
    assert table([]) == "no application has a canary or a shadow"
    tried = {"canary": {"model": "tiny/3", "share": 0.1}, "shadow": {"model": "tiny/2", "share": 1.0}}
    described = {**neighbours.description, "model": neighbours.description["model"] | tried}
    monkeypatch.setattr(neighbours, "description", described)
    [told] = Client(url).rollouts()
    assert told.canary is not None
    assert (told.application, told.canary.model_dump()) == ("words", tried["canary"])
    shadow = told.shadow
    assert shadow is not None
    assert (shadow.model, shadow.compared, shadow.ready, shadow.lacks) == ("tiny/2", 240, True, [])
    assert shadow.measures["candidate_s"]["mean"] == pytest.approx(0.0015)
    shown = table([told])
    assert "canary  tiny/3 answers 10.0%" in shown
    assert "240 compared, 0 failed, 0 dropped, 0 skipped" in shown
    assert "ready to be promoted" in shown
