"""How a run uses a Ray cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.base import Section


class RayConfig(Section):
    """Workers, their resources and what happens when one dies."""

    num_workers: Annotated[int, Field(ge=1)] = 1
    """Data-parallel training workers."""
    use_gpu: bool = False
    """One GPU a worker (nccl), otherwise CPU (gloo)."""
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1
    """CPUs that Ray sets aside for a worker."""
    max_failures: Annotated[int, Field(ge=0)] = 2
    """Times that a run is continued from its last checkpoint after a worker was lost."""
    address: str | None = None
    """Cluster to join (`auto`, ray://...); null starts Ray on this machine."""
