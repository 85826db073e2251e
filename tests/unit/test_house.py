"""The house rules of DESIGN.md that no linter knows: layout, sizes, who may import Ray, documented config."""

import ast
import importlib
import inspect
import pkgutil
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import sonant.config
from models.base import Section
from sonant.config.kinds import kind_of
from sonant.config.load import check, tree

ROOT = Path(__file__).parents[2]
LIBRARY = [ROOT / "platform" / "sonant", ROOT / "models"]
SOURCES = [*LIBRARY, ROOT / "jobs", ROOT / "serve_apps"]
OURS = [*SOURCES, ROOT / "tests", ROOT / "benchmarks"]
# These talk to a person: stdout and the root logger are theirs.
TERMINAL = {"cli.py", "reference.py", "verb.py", "bundles.py", "hearing.py"}
MAY_USE_RAY = ("platform/sonant/cluster/", "jobs/", "serve_apps/")
MAY_USE_RAY_TOO = {
    "platform/sonant/train/worker.py",
    "platform/sonant/train/fit.py",
    "platform/sonant/tune/search.py",
}
OF_NO_SINGLE_FILE = {"test_house.py", "test_cluster_files.py", "audio/test_hostile.py", "audio/test_one_door.py"}
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.yaml") if path.parent.name not in {"kuberay", "grafana"})


def files(folders: list[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_platform_folder_does_not_shadow_the_standard_module() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    code = "import platform; print(platform.system())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() in {"Linux", "Darwin", "Windows"}


def test_files_are_short() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in files(OURS)}
    assert [f"{path.relative_to(ROOT)}: {n}" for path, n in lines.items() if n > 500] == []
    written = [n for path, n in lines.items() if path.name != "__init__.py"]
    assert statistics.median(written) < 150


def test_unit_tests_mirror_the_source() -> None:
    """tests/unit/audio/test_decode.py is about sonant/audio/decode.py, and so is test_decode_limits.py."""
    unit = ROOT / "tests" / "unit"
    strays = [
        str(path.relative_to(unit))
        for path in sorted(unit.rglob("test_*.py"))
        if str(path.relative_to(unit)) not in OF_NO_SINGLE_FILE and not is_about_a_source(path.relative_to(unit))
    ]
    assert strays == []


def is_about_a_source(test: Path) -> bool:
    words = test.stem.removeprefix("test_").split("_")
    names = {"_".join(words[:count]) + ".py" for count in range(1, len(words) + 1)}
    folders = (ROOT, ROOT / "platform" / "sonant")
    return any((folder / test.parent / name).is_file() for folder in folders for name in names)


def test_library_neither_prints_nor_touches_the_root_logger() -> None:
    found: list[str] = []
    for path in files([*LIBRARY, ROOT / "serve_apps"]):
        if path.name in TERMINAL:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            root_logger = called == "logging.getLogger" and not node.args and not node.keywords
            if called in {"print", "logging.basicConfig"} or root_logger:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {called}")
    assert found == []


def test_ray_is_imported_only_where_it_may_be() -> None:
    found: list[str] = []
    for path in files(SOURCES):
        name = path.relative_to(ROOT).as_posix()
        allowed = name.startswith(MAY_USE_RAY) or name in MAY_USE_RAY_TOO
        if not allowed and any(module.split(".")[0] == "ray" for module in imports(path)):
            found.append(name)
    assert found == []


def test_nobody_imports_jobs_or_serve_apps() -> None:
    top = {"jobs", "serve_apps"}
    found = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(LIBRARY)
        for module in imports(path)
        if module.split(".")[0] in top
    ]
    assert found == []


def test_import_law_names_every_package() -> None:
    law = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip(" ()") for row in law for name in row.replace("|", ":").split(":")}
    packages = {f"sonant.{path.parent.name}" for path in (ROOT / "platform" / "sonant").glob("*/__init__.py")}
    modules = {f"sonant.{path.stem}" for path in (ROOT / "platform" / "sonant").glob("[!_]*.py")}
    assert sorted((packages | modules) - named) == []


def sections() -> list[type[Section]]:
    """Every config type: the sections of sonant.config and the configs of the networks."""
    for found in pkgutil.walk_packages(sonant.config.__path__, "sonant.config."):
        importlib.import_module(found.name)

    def below(kind: type[Section]) -> Iterator[type[Section]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    ours = {kind for kind in below(Section) if kind.__module__.split(".")[0] in {"sonant", "models"}}
    return sorted(ours, key=lambda kind: (kind.__module__, kind.__name__))


def test_every_config_field_is_documented() -> None:
    # `kind` is a tag; a field that is itself a section is described by that section.
    bare = [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in sections()
        for name, field in kind.model_fields.items()
        if name != "kind" and not field.description and not is_section(field.annotation)
    ]
    assert bare == []
    assert [kind.__name__ for kind in sections() if not inspect.getdoc(kind)] == []


def is_section(annotation: object) -> bool:
    options = getattr(annotation, "__args__", (annotation,))
    return all(isinstance(option, type) and issubclass(option, Section | None) for option in options)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT / "configs")))
def test_config_loads(path: Path) -> None:
    for smoke in (False, "smoke" in yaml.safe_load(path.read_text())):
        data = tree(str(path), smoke=smoke)
        check(kind_of(data), data, source=path.name)
