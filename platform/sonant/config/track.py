"""Where a run is written down."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section


class TrackConfig(Section):
    """Events are always written to events.jsonl; W&B mirrors them."""

    runs: str = "runs"
    """Folder or URL under which runs are written as <name>/<id>/."""
    wandb: Literal["auto", "online", "offline", "off"] = "auto"
    """auto: online when WANDB_API_KEY is set, offline otherwise, off when wandb is not installed."""
    project: str = "sonant"
    """W&B project."""
    group: str | None = None
    """W&B group; a search puts its trials into one."""
    worst: Annotated[int, Field(ge=0)] = 20
    """Items of the validation set with the highest loss that are logged with audio and spectrogram."""
    examples: Annotated[int, Field(ge=0, le=100)] = 3
    """Items of the validation set whose output is logged as training goes on, of networks whose answer is sound."""
    examples_every: Annotated[int, Field(ge=1)] = 10
    """Epochs from one time to the next; the first epoch's are logged as well."""
