"""What `sonant serve` runs: the subset of Ray Serve's own config file that we allow, typed.

The same file works with `serve run` and `serve deploy`. Import paths are a closed list: a config is data and cannot
name code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, Self, TypeVar, cast

from pydantic import Field, model_validator

from models.base import Section
from sonant.config.replica import Batching, Limits, Sessions, StageOptions, Tracing
from sonant.config.rollout import Canary, Shadow
from sonant.config.scaling import LiveScaling
from sonant.config.transcribe import TranscribeConfig

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Guarded(Section):
    """What every application is told about who may use it, and who watches."""

    keys: str | None = None
    """File of API keys (`sonant keys`), the same for all applications: say it once, in `keys` of the file, unless Ray's
    own `serve deploy` reads it. null: only this machine may connect; anyone: whoever reaches the server."""
    tracing: Tracing | None = None
    """Traces; null: none. Say it once, in `tracing` of the file, unless Ray's own `serve deploy` reads it."""


def _by_requests_only(name: str, stage: StageOptions) -> None:
    """Refuses to scale a deployment by sessions that it does not have."""
    if isinstance(stage.autoscaling, LiveScaling):
        raise ValueError(f"{name}.autoscaling: there are no live sessions here, only kind: requests will do")


class ModelApp(Guarded):
    """What every application that serves a bundle is told."""

    bundle: str
    """Bundle folder or URL, or STORE/NAME@ALIAS."""
    placement: Literal["fused", "split"] = "fused"
    """fused: extractor, model and postprocess in one replica; split: each a deployment that scales alone."""
    threads: Annotated[int, Field(ge=1)] = 1
    """onnxruntime threads of a replica."""
    providers: tuple[str, ...] = ("CUDAExecutionProvider", "CPUExecutionProvider")
    """onnxruntime execution providers in order of preference; those not installed are skipped and logged."""
    batching: Batching = Batching()
    limits: Limits = Limits()
    ingress: StageOptions = StageOptions()
    """The replicas that take requests: all stages when fused, the extractor when split."""
    model: StageOptions = StageOptions()
    """The replicas that hold the graph when split."""
    postprocess: StageOptions = StageOptions(num_cpus=0.1)
    """The replicas that make answers of logits when split."""
    affinity: bool = True
    """Whether requests with the same x-session-id go to the same replica, as long as it is there."""
    sessions: Sessions | None = None
    """What it takes for live sessions to survive their replica; null: they end with it."""
    allowed_origins: tuple[str, ...] = ()
    """Web pages of other origins (https://app.example) that may open live sessions; "*" allows all."""

    @model_validator(mode="after")
    def _room_to_refuse(self) -> Self:
        if self.ingress.max_ongoing_requests <= self.limits.max_sessions + self.limits.max_requests:
            raise ValueError(
                "ingress.max_ongoing_requests must be above limits.max_sessions + limits.max_requests: full must be an "
                "answer"
            )
        return self

    @model_validator(mode="after")
    def _sessions_where_requests_come_in(self) -> Self:
        _by_requests_only("model", self.model)
        _by_requests_only("postprocess", self.postprocess)
        return self

    @property
    def bundles(self) -> list[str]:
        """What must be there before anything is started."""
        return [self.bundle]

    def pointed(self, change: Callable[[str], str]) -> Self:
        """With every reference to a bundle as `change` has it."""
        return self.model_copy(update={"bundle": change(self.bundle)})

    @property
    def stages(self) -> list[StageOptions]:
        """Its deployments."""
        return [self.ingress] if self.placement == "fused" else [self.ingress, self.model, self.postprocess]


class RollingApp(ModelApp):
    """An application on which another bundle can be tried. Those that compare or keep vectors are none: the vectors of
    two bundles mean different things."""

    canary: Canary | None = None
    """A candidate that answers a share of what comes in; null: there is none."""
    shadow: Shadow | None = None
    """A candidate that only hears it, to be compared; null: there is none."""
    earlier: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    """Bundles that were served here before: live sessions that began on one go on with it. `sonant serve` and `sonant
    promote` fill this in; one is opened when such a session comes."""

    @model_validator(mode="after")
    def _on_one_replica(self) -> Self:
        if self.placement != "fused" and (self.canary is not None or self.shadow is not None):
            raise ValueError("canary and shadow need `placement: fused`: both bundles are in one replica")
        return self

    @property
    def bundles(self) -> list[str]:
        """What must be there before anything is started."""
        return [self.bundle, *(tried.bundle for tried in (self.canary, self.shadow) if tried is not None)]

    def pointed(self, change: Callable[[str], str]) -> Self:
        """With every reference to a bundle as `change` has it; those before stay as they were."""
        changed = {
            name: tried.model_copy(update={"bundle": change(tried.bundle)})
            for name, tried in (("canary", self.canary), ("shadow", self.shadow))
            if tried is not None
        }
        return super().pointed(change).model_copy(update=changed)


class ClassifyApp(RollingApp):
    """Arguments of serve_apps.classify:build."""

    answer: Literal["classification", "emotion"] = "classification"
    """Form of an answer: labels with scores, or an emotion with probabilities and, on demand, a timeline."""


class DetectApp(RollingApp):
    """Arguments of serve_apps.detect:build."""

    operating_point: str | None = None
    """Operating point where a request does not name one, and of live sessions; null: the bundle's own choice."""


class EmbedApp(ModelApp):
    """Arguments of serve_apps.embed:build."""


class VerifyApp(ModelApp):
    """Arguments of serve_apps.verify:build: where enrolled speakers are, and how strict to be."""

    speakers: str | None = None
    """Folder or URL that serve_apps.speakers keeps enrolments in; null: only recordings are compared."""
    operating_point: str | None = None
    """Operating point where a request does not name one; null: the bundle's own choice."""


class SpeakersApp(ModelApp):
    """Arguments of serve_apps.speakers:build: how enrolments are kept. The bundle is an embedder or an extractor."""

    speakers: str
    """Folder or URL (file, s3, gs, memory) of the enrolments, the same for all replicas. Only vectors are kept."""
    ttl_s: Annotated[float, Field(gt=0)] = 30 * 86_400.0
    """Time after which an enrolment ends, where the request says nothing."""
    max_ttl_s: Annotated[float, Field(gt=0)] = 365 * 86_400.0
    """Longest time that a request may ask for."""
    max_files: Annotated[int, Field(ge=1, le=12)] = 8
    """Most recordings in one enrolment."""
    max_speakers: Annotated[int, Field(ge=1)] = 10_000
    """Most enrolments; more are refused."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.ttl_s > self.max_ttl_s:
            raise ValueError(f"ttl_s={self.ttl_s:g} must not be above max_ttl_s={self.max_ttl_s:g}")
        return self


class ExtractApp(RollingApp):
    """Arguments of serve_apps.extract:build: where enrolled speakers are. The placement is fused."""

    speakers: str | None = None
    """Folder or URL that serve_apps.speakers keeps enrolments in; null: only recordings tell the wanted voice."""
    max_references: Annotated[int, Field(ge=1, le=12)] = 8
    """Most recordings of the wanted voice in one request."""

    @model_validator(mode="after")
    def _in_one_piece(self) -> Self:
        if self.placement != "fused":
            raise ValueError("an extractor is served fused: what a split would send between processes is sound")
        if self.speakers is not None and (self.canary is not None or self.shadow is not None):
            raise ValueError("canary and shadow need `speakers: null`: an enrolled voice belongs to one bundle")
        return self


class EnhanceApp(RollingApp):
    """Arguments of serve_apps.enhance:build. The placement is fused; nothing is kept unless `store_url` says where."""

    store_url: str | None = None
    """Folder or URL (file, s3, gs, memory) of the answers that requests ask to keep; null: none is kept."""
    store_ttl_s: Annotated[float, Field(gt=0)] = 3600.0
    """Time after which an answer that was kept is gone."""
    max_stored: Annotated[int, Field(ge=1)] = 1000
    """Most answers that are kept; more are refused."""

    @model_validator(mode="after")
    def _in_one_piece(self) -> Self:
        if self.placement != "fused":
            raise ValueError("an enhancer is served fused: what a split would send between processes is sound")
        return self


class TranscribeApp(TranscribeConfig, Guarded):
    """Arguments of serve_apps.transcribe:build."""

    aliases: tuple[str, ...] = ("whisper-1",)
    """Other names that a request may give the model, so that clients of OpenAI's API need no change."""
    max_waiting: Annotated[int, Field(ge=1)] = 16
    """Recordings that a replica works on in turns, piece by piece; more are refused."""
    limits: Limits = Limits()
    ingress: StageOptions = StageOptions()
    """The replicas."""

    @model_validator(mode="after")
    def _room_to_refuse(self) -> Self:
        if self.ingress.max_ongoing_requests <= self.max_waiting:
            raise ValueError("ingress.max_ongoing_requests must be above max_waiting: full must be an answer")
        _by_requests_only("ingress", self.ingress)
        return self

    @property
    def bundles(self) -> list[str]:
        """What must be there before anything is started."""
        return [ref for ref in (self.detector, self.enhancer) if ref is not None]

    def pointed(self, change: Callable[[str], str]) -> Self:
        """With every reference to a bundle as `change` has it."""
        named = {"detector": self.detector, "enhancer": self.enhancer}
        return self.model_copy(update={name: change(ref) for name, ref in named.items() if ref is not None})

    @property
    def stages(self) -> list[StageOptions]:
        """Its deployments."""
        return [self.ingress]


class TensorsApp(Guarded):
    """Arguments of serve_apps.tensors:build: bundles whose graphs are run as they are, tensors in and tensors out."""

    models: Annotated[dict[ModelName, str], Field(min_length=1, max_length=1000)]
    """Bundle folder or URL, or STORE/NAME@ALIAS, by the name that requests give."""
    most_loaded: Annotated[int, Field(ge=1)] = 8
    """Bundles that a replica holds at once; beyond it, the one that was asked for longest ago is dropped."""
    most_waiting: Annotated[int, Field(ge=1)] = 64
    """Requests that a replica works on or holds back at once; more are refused."""
    threads: Annotated[int, Field(ge=1)] = 1
    """onnxruntime threads of a replica, and calls that run at once."""
    providers: tuple[str, ...] = ("CUDAExecutionProvider", "CPUExecutionProvider")
    """onnxruntime execution providers in order of preference."""
    limits: Limits = Limits()
    ingress: StageOptions = StageOptions()
    """The replicas."""

    @model_validator(mode="after")
    def _room_to_refuse(self) -> Self:
        if self.ingress.max_ongoing_requests <= self.most_waiting:
            raise ValueError("ingress.max_ongoing_requests must be above most_waiting: full must be an answer")
        _by_requests_only("ingress", self.ingress)
        return self

    @property
    def bundles(self) -> list[str]:
        """What must be there before anything is started."""
        return list(self.models.values())

    def pointed(self, change: Callable[[str], str]) -> Self:
        """With every reference to a bundle as `change` has it."""
        return self.model_copy(update={"models": {name: change(ref) for name, ref in self.models.items()}})

    @property
    def stages(self) -> list[StageOptions]:
        """Its deployments."""
        return [self.ingress]


class HomeApp(Guarded):
    """Arguments of serve_apps.home:build."""

    title: str = "sonant"
    """Name at the head of the console and of the API documentation."""
    applications: dict[str, str] = {}
    """Route prefixes of the other applications by name: what /v1/models and the merged OpenAPI ask."""


class HttpOptions(Section):
    """Where the server listens."""

    host: str = "127.0.0.1"
    """Address to bind; 0.0.0.0 is every interface of the machine, and asks for RAY_AUTH_MODE=token."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port to bind."""
    request_timeout_s: Annotated[float, Field(gt=0)] | None = None
    """Time after which Serve gives a request up; it ends live sessions too, so null is usual."""


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Route = Annotated[str, Field(pattern=r"^/([a-z0-9_-]+(/[a-z0-9_-]+)*)?$")]


Path = TypeVar("Path", bound=str)
App = TypeVar("App", bound=ModelApp | TranscribeApp | TensorsApp)


class Mounted(Section, Generic[Path, App]):
    """An application that serves a model, below a route."""

    name: Name
    """Name in Ray Serve, and in the console's list."""
    route_prefix: Route
    """Where its routes begin."""
    import_path: Path
    """What builds it: one of ours."""
    args: App
    """Its own settings."""


class ClassifyApplication(Mounted[Literal["serve_apps.classify:build"], ClassifyApp]):
    """Answers what is heard in a clip or a live stream."""


class DetectApplication(Mounted[Literal["serve_apps.detect:build"], DetectApp]):
    """Answers when something is heard in a recording or a live stream."""


class EmbedApplication(Mounted[Literal["serve_apps.embed:build"], EmbedApp]):
    """Answers with the vector of a recording."""


class VerifyApplication(Mounted[Literal["serve_apps.verify:build"], VerifyApp]):
    """Answers whether two recordings, or a recording and an enrolled speaker, are the same."""


class SpeakersApplication(Mounted[Literal["serve_apps.speakers:build"], SpeakersApp]):
    """Keeps the vectors of enrolled speakers."""


class ExtractApplication(Mounted[Literal["serve_apps.extract:build"], ExtractApp]):
    """Answers with the voice of one wanted speaker, out of a recording or a live stream."""


class EnhanceApplication(Mounted[Literal["serve_apps.enhance:build"], EnhanceApp]):
    """Answers with speech without its noise, from a recording or a live stream."""


class TranscribeApplication(Mounted[Literal["serve_apps.transcribe:build"], TranscribeApp]):
    """Answers with what is said in a recording."""


class TensorsApplication(Mounted[Literal["serve_apps.tensors:build"], TensorsApp]):
    """Answers tensors with tensors, in the open inference protocol (KServe v2)."""

    route_prefix: Literal["/v2"] = "/v2"  # pyright: ignore[reportIncompatibleVariableOverride] (sections are frozen)
    """Where the protocol wants its routes."""


class HomeApplication(Section):
    """The console, health, metrics and documentation of everything that is served."""

    name: Name
    """Name in Ray Serve, and in the console's list."""
    route_prefix: Literal["/"] = "/"
    """Where its routes begin."""
    import_path: Literal["serve_apps.home:build"]
    """What builds it: one of ours."""
    args: HomeApp = HomeApp()
    """Its own settings."""


Application = Annotated[
    ClassifyApplication
    | DetectApplication
    | EmbedApplication
    | VerifyApplication
    | SpeakersApplication
    | ExtractApplication
    | EnhanceApplication
    | TranscribeApplication
    | TensorsApplication
    | HomeApplication,
    Field(discriminator="import_path"),
]


class LoggingConfig(Section):
    """How replicas log: Ray Serve's own keys. Their files are below `logs/serve` of Ray's session folder."""

    encoding: Literal["JSON", "TEXT"] = "JSON"
    """JSON: an object a line, with all fields; TEXT: for people."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """Least level that is logged. INFO: a line for each request and each turn of a live session, about 0.08 ms of CPU a
    line; WARNING: trouble alone."""
    enable_access_log: bool = False
    """Ray Serve's own line for each request, which knows less than ours."""
    logs_dir: str | None = None
    """Folder of the files on every node, in place of Ray's."""


class ServeFile(Section):
    """A Ray Serve config file, as far as we use it."""

    proxy_location: Literal["HeadOnly", "EveryNode", "Disabled"] = "HeadOnly"
    """Nodes that listen for requests."""
    http_options: HttpOptions = HttpOptions()
    logging_config: LoggingConfig = LoggingConfig()
    keys: str | None = None
    """`sonant serve` only: file of API keys of all applications below (`sonant keys` makes it)."""
    tracing: Tracing | None = None
    """`sonant serve` only: traces of all applications below that do not say otherwise."""
    fast_proxy: bool | None = None
    """`sonant serve` only: HAProxy instead of Ray's own proxy; null takes it when its binary is there."""
    applications: Annotated[tuple[Application, ...], Field(min_length=1)]
    """What is served; each application deploys, scales and rolls back alone."""

    @model_validator(mode="before")
    @classmethod
    def _one_door(cls, data: Any) -> Any:
        """`keys` and `tracing` of the file are those of every application in it."""
        if not isinstance(data, dict):
            return data
        file = cast(dict[str, Any], data)
        shared = {name: file[name] for name in ("keys", "tracing") if file.get(name)}
        applications = cast(Any, file.get("applications"))
        if not shared or not isinstance(applications, list | tuple):
            return file
        return {**file, "applications": [_with(app, shared) for app in cast(list[Any], applications)]}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        named = {app.args.keys for app in self.applications}
        if len(named | {self.keys or next(iter(named))}) > 1:
            raise ValueError("the applications have different keys: name them once, in `keys` of the file")
        for what in ("name", "route_prefix"):
            values = [getattr(app, what) for app in self.applications]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two applications have the {what} {twice[0]!r}")
        routes = {app.name: app.route_prefix for app in self.applications}
        for app in self.applications:
            listed = app.args.applications if isinstance(app, HomeApplication) else {}
            for name, route in listed.items():
                if routes.get(name) != route:
                    raise ValueError(f"{app.name} lists {name!r} at {route}, but no such application is in this file")
        return self


def _with(app: Any, shared: dict[str, Any]) -> Any:
    """An application as it is written in a file, with what the file says for all, unless it says otherwise itself."""
    if not isinstance(app, dict):
        return app
    written = cast(dict[str, Any], app)
    args = cast(Any, written.get("args") or {})
    if not isinstance(args, dict):
        return written
    own = cast(dict[str, Any], args)
    return {**written, "args": {**own, **{name: own.get(name) or value for name, value in shared.items()}}}
