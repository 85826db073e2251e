"""[ray] `sonant submit` to a real cluster with a dashboard, guarded by a token that this test makes up."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHERE = """
import sys, time
from pathlib import Path
from ray.job_submission import JobSubmissionClient
from sonant.cluster.code import runtime_env
from sonant.cluster.submit import start
client = JobSubmissionClient(sys.argv[1])
code = "import sonant, models, jobs, platform; print(sonant.__path__[0], models.__path__[0], platform.system())"
job = start(client, f"python -c '{code}'", runtime_env(Path(sys.argv[2])))
while not client.get_job_status(job).is_terminal():
    time.sleep(0.2)
print(client.get_job_logs(job))
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def env() -> dict[str, str]:
    """Its own token, so that neither a token of this user nor an open dashboard is needed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(24)}
    return {**kept, **token, "RAY_USAGE_STATS_ENABLED": "0", "PATH": path}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def address(env: dict[str, str]) -> Generator[str]:
    """A head of its own: other Rays on this machine may hold the usual ports, and /tmp/ray is theirs."""
    dashboard, ports = free_port(), {"port": free_port(), "dashboard-agent-listen-port": free_port()}
    with tempfile.TemporaryDirectory(prefix="sn", dir="/tmp", ignore_cleanup_errors=True) as folder:  # short: sockets
        words = [f"--{name}={port}" for name, port in ports.items()]
        words += [f"--dashboard-port={dashboard}", f"--temp-dir={folder}", "--num-cpus=2", "--include-dashboard=true"]
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *words]
        head = subprocess.Popen(ray, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            over, pause = time.monotonic() + 90, threading.Event()
            while not answers(dashboard):
                assert time.monotonic() < over, "the head did not come up"
                assert head.poll() is None, "the head ended"
                pause.wait(0.1)
            yield f"http://127.0.0.1:{dashboard}"
        finally:
            # Ends what it started, and no other Ray; asked politely, it takes half a minute.
            started = [int(pid) for pid in Path(f"/proc/{head.pid}/task/{head.pid}/children").read_text().split()]
            for pid in [head.pid, *started]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            head.wait(timeout=60)


def submit(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sonant.cli", "submit", *words]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_verb_runs_on_the_cluster_and_its_log_and_fate_come_back(
    env: dict[str, str], address: str, tone_corpus: str, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(
        f"name: sent\nmodel: {{kind: tc_resnet, width: 0.25}}\ndata: {{corpus: {tone_corpus}, clip_s: 0.5}}\n"
        f"train: {{epochs: 1}}\ntrack: {{runs: {tmp_path}/runs, wandb: 'off', worst: 1}}\n"
    )
    done = submit(env, "train", str(tmp_path / "config.yaml"), "--address", address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "done after" in done.stdout
    assert done.stdout.rstrip().endswith("succeeded")
    assert len(list((tmp_path / "runs" / "sent").iterdir())) == 1

    wrong = submit(env, "train", str(tmp_path / "none.yaml"), "--address", address)
    assert wrong.returncode == 1
    assert "error[config.not_found]" in wrong.stdout


def test_a_cluster_runs_the_code_of_the_checkout(env: dict[str, str], address: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", WHERE, address, str(ROOT)], env=env, capture_output=True, text=True, check=True
    )
    library, networks, system = told.stdout.split()[-3:]
    assert "runtime_resources/py_modules_files" in library
    assert "runtime_resources/working_dir_files" in networks
    assert system in {"Linux", "Darwin"}


def test_a_cluster_that_cannot_be_used_is_one_line(env: dict[str, str], address: str) -> None:
    stranger = {**env, "RAY_AUTH_MODE": "disabled"}
    del stranger["RAY_AUTH_TOKEN"]
    refused = submit(stranger, "train", "x", "--address", address)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error[env.cluster]: ")
    assert "wants a token" in refused.stderr
    absent = submit(env, "train", "x", "--address", "http://127.0.0.1:9")
    assert absent.returncode == 2
    assert "no Ray dashboard at http://127.0.0.1:9" in absent.stderr
