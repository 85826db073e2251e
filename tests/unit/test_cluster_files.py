"""Dockerfile, cluster.yaml, KubeRay manifests, constraints and hooks: parsed, and held against each other."""

import importlib.util
import json
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sonant.config.load import check, load, parse_override
from sonant.config.serve import ServeFile

ROOT = Path(__file__).parents[2]
RAYJOB = ROOT / "configs" / "kuberay" / "rayjob.yaml"
RAYSERVICE = ROOT / "configs" / "kuberay" / "rayservice.yaml"
FILES = ["Dockerfile", "cluster.yaml", "constraints.txt", ".pre-commit-config.yaml"]


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


@cache
def constraints() -> dict[str, str]:
    lines = [line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    return {name: version for name, version in pins}


@cache
def dockerfile() -> list[list[str]]:
    """The instructions as words, with continued lines joined and comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def cluster() -> dict[str, Any]:
    return documents(ROOT / "cluster.yaml")[0]


def ray_clusters() -> list[dict[str, Any]]:
    return [documents(RAYJOB)[0]["spec"]["rayClusterSpec"], documents(RAYSERVICE)[0]["spec"]["rayClusterConfig"]]


def containers() -> list[dict[str, Any]]:
    groups = [group for spec in ray_clusters() for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    return [container for group in groups for container in group["template"]["spec"]["containers"]]


def images() -> list[str]:
    docker = cluster()["docker"]
    base = [words[1] for words in dockerfile() if words[0] == "FROM" and ":" in words[1]]
    return [*base, docker["head_image"], docker["worker_image"], *(container["image"] for container in containers())]


def test_nothing_floats() -> None:
    for name in [*FILES, "configs/kuberay/rayjob.yaml", "configs/kuberay/rayservice.yaml"]:
        assert "latest" not in (ROOT / name).read_text(), name
    assert all(re.fullmatch(r".+:\d+\.\d+\.\d+[\w.-]*", image) for image in images())


def test_images_are_what_the_dockerfile_builds() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    stages = {words[3] for words in dockerfile() if words[0] == "FROM" and len(words) == 4}
    tags = {image.split(":")[1] for image in images() if "sonant:" in image}
    assert tags == {f"{version}-cpu", f"{version}-cuda"}
    assert {tag.rsplit("-", 1)[1] for tag in tags} <= stages


def test_dockerfile_copies_what_exists() -> None:
    copied = [words[1:-1] for words in dockerfile() if words[0] == "COPY" and not words[1].startswith("--from")]
    paths = {path for group in copied for path in group}
    assert {"platform", "models", "jobs", "serve_apps", "configs", "constraints.txt"} <= paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert [path for path in sorted(paths) if f"!{path}" not in ignored] == []


def test_dockerfile_installs_as_the_makefile_does() -> None:
    installs = [" ".join(words) for words in dockerfile() if "pip" in words]
    project = [line for line in installs if "--editable" in line]
    assert [re.findall(r"\.\[(.+?)\]", line)[0] for line in project] == ["all,cpu,cloud", "all,gpu,cloud"]
    assert all("--constraint constraints.txt" in line for line in project)
    assert "--constraint constraints.txt --editable '.[all,cpu,dev]'" in (ROOT / "Makefile").read_text()
    pins = [pin for line in installs for pin in re.findall(r"([\w-]+)==([\w.]+)", line)]
    assert pins == [("torch", constraints()["torch"])]
    assert dockerfile()[-1] == ["USER", "sonant"], "the last stage runs without root"
    assert sum(words == ["USER", "sonant"] for words in dockerfile()) == 2


def test_constraints_pin_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(need for extra in project["optional-dependencies"].values() for need in extra),
    ]
    names = {re.split(r"[\[<>=]", need)[0].lower() for need in wanted} - {"sonant"}
    assert sorted(names - set(constraints())) == []


def test_one_ray_everywhere() -> None:
    pinned = constraints()["ray"]
    assert [spec["rayVersion"] for spec in ray_clusters()] == [pinned, pinned]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [need for extra in project["optional-dependencies"].values() for need in extra if need.startswith("ray[")]
    assert extras
    assert all(need.endswith(f"=={pinned}") for need in extras)


def test_tokens_are_on() -> None:
    assert ["ENV", "RAY_AUTH_MODE=token", "RAY_worker_niceness=0", "PIP_NO_CACHE_DIR=1"] in dockerfile()
    assert "--env=RAY_AUTH_MODE=token" in cluster()["docker"]["run_options"]
    assert "~/.ray/auth_token" in cluster()["file_mounts"]
    assert [spec["authOptions"] for spec in ray_clusters()] == [{"mode": "token"}, {"mode": "token"}]


def test_no_door_of_ray_is_open() -> None:
    start = next(line for line in cluster()["head_start_ray_commands"] if "ray start" in line)
    assert "--dashboard-host=127.0.0.1" in start
    assert "--ray-client-server-port=0" in start
    policy = documents(RAYSERVICE)[1]
    assert policy["kind"] == "NetworkPolicy"
    pods = [group["template"]["metadata"]["labels"] for group in served_groups()]
    assert all(labels == policy["spec"]["podSelector"]["matchLabels"] for labels in pods)
    for_all = [rule["ports"] for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert for_all == [[{"protocol": "TCP", "port": 8000}]]


def served_groups() -> list[dict[str, Any]]:
    spec = documents(RAYSERVICE)[0]["spec"]["rayClusterConfig"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_cluster_yaml_is_what_the_launcher_takes() -> None:
    found = importlib.util.find_spec("ray")
    assert found is not None
    assert found.origin is not None
    schema = json.loads((Path(found.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster(), schema)
    assert cluster()["head_node_type"] in cluster()["available_node_types"]
    assert cluster()["docker"]["worker_image"].endswith("-cuda")


def test_rayservice_serves_what_the_config_says() -> None:
    served = check(ServeFile, yaml.safe_load(documents(RAYSERVICE)[0]["spec"]["serveConfigV2"]))
    ours: ServeFile = load(ServeFile, "serve/kws", ["keys=keys/keys.json"])
    assert served.applications == ours.applications
    assert {app.name for app in served.applications} == {"classify", "home"}
    assert served.http_options.host == "0.0.0.0"
    assert served.http_options.port == ours.http_options.port


def test_rayservice_asks_for_keys() -> None:
    spec = documents(RAYSERVICE)[0]["spec"]
    served = check(ServeFile, yaml.safe_load(spec["serveConfigV2"]))
    assert {app.args.keys for app in served.applications} == {"keys/keys.json"}
    for group in served_groups():  # the home application runs where it likes
        pod = group["template"]["spec"]
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounts["keys"] == "/srv/sonant/keys"
        assert {"name": "keys", "secret": {"secretName": "sonant-keys"}} in pod["volumes"]


def test_rayjob_trains_a_config_that_exists() -> None:
    words = shlex.split(documents(RAYJOB)[0]["spec"]["entrypoint"])
    assert words[:3] == ["python", "-m", "jobs.train"]
    assert (ROOT / "configs" / f"{words[3]}.yaml").is_file()
    settings = [parse_override(word) for word in words[4:]]
    workers = next(tree["ray"]["num_workers"] for tree in settings if "num_workers" in tree.get("ray", {}))
    gpus = documents(RAYJOB)[0]["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
    assert workers == gpus["maxReplicas"]
    assert gpus["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize("tool", ["ruff", "lint-imports", "pyright"])
def test_hooks_run_installed_tools(tool: str) -> None:
    hooks = documents(ROOT / ".pre-commit-config.yaml")[0]["repos"][0]["hooks"]
    assert any(hook["entry"].split()[0] == f".venv/bin/{tool}" for hook in hooks)
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    assert any(need.startswith({"lint-imports": "import-linter"}.get(tool, tool)) for need in needs)


def test_hooks_find_keys() -> None:
    hooks = {hook["id"]: hook for hook in documents(ROOT / ".pre-commit-config.yaml")[0]["repos"][0]["hooks"]}
    begin = "-----BEGIN {}PRIVATE KEY-----"
    for kind in ("", "RSA ", "OPENSSH "):
        assert re.search(hooks["private-keys"]["entry"], begin.format(kind))
    assert {"ruff", "ruff-format", "lint-imports", "pyright", "large-files", "private-keys"} == set(hooks)
