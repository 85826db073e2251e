"""[ray] `sonant submit`: a verb as a Ray job, its log followed to the end."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from sonant.cluster.code import runtime_env
from sonant.errors import EnvError

log = logging.getLogger(__name__)

_DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_NO_AGENT = "No available agent"  # Ray's words, with status 500
_AGENT_HINT = "another Ray on the head's machine may hold the agent's port: ray start --dashboard-agent-listen-port=..."


def submit(verb: str, args: Sequence[str], address: str | None = None, *, out: TextIO | None = None) -> int:
    """Runs `python -m jobs.<verb> <args>` on the cluster whose dashboard is at `address` (default: RAY_ADDRESS, then
    this machine), copies its log to `out` (default: stdout) and returns 0 when it succeeded, 1 otherwise.

    Ctrl-C stops following; the job goes on, and `ray job stop ID` ends it.
    """
    client = _client(address or os.environ.get("RAY_ADDRESS") or _DEFAULT_ADDRESS)
    job = start(client, shlex.join(["python", "-m", f"jobs.{verb}", *args]), runtime_env())
    stream = out or sys.stdout
    stream.write(f"job {job}\n")
    asyncio.run(_follow(client, job, stream))
    status = client.get_job_status(job)
    stream.write(f"job {job} {status.value.lower()}\n")
    return 0 if status == JobStatus.SUCCEEDED else 1


def start(client: JobSubmissionClient, command: str, code: dict[str, Any]) -> str:
    """Starts a job and returns its id."""
    try:
        return client.submit_job(entrypoint=command, runtime_env=code)
    except RuntimeError as error:
        words = str(error).strip().splitlines()
        hint = _AGENT_HINT if _NO_AGENT in str(error) else None
        raise EnvError("env.cluster", f"the cluster did not take the job: {words[0]}", hint=hint) from error


def _client(address: str) -> JobSubmissionClient:
    try:
        return JobSubmissionClient(address)
    except AuthenticationError as error:
        raise EnvError(
            "env.cluster",
            f"the Ray cluster at {address} wants a token",
            hint="export RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH with the cluster's own",
        ) from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        words = str(error).strip().splitlines()
        raise EnvError(
            "env.cluster",
            f"no Ray dashboard at {address}: {words[0] if words else type(error).__name__}",
            hint="give --address http://HEAD:8265, the address of the dashboard",
        ) from error


async def _follow(client: JobSubmissionClient, job: str, stream: TextIO) -> None:
    async for lines in client.tail_job_logs(job):
        stream.write(lines)
        stream.flush()
