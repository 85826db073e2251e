"""What every model config shares."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A strict, frozen piece of config: unknown keys are errors, docstrings under fields are their documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NetworkConfig(Section):
    """What the configs of networks have in common, whatever their job."""

    streams: ClassVar[bool] = True
    """Whether there is a live form."""
