"""SpEx+ with its three scales (Ge et al. 2020, arXiv:2005.04686): the offline network that the research began with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.extract.spex import SpexConfig

Kernel = Annotated[int, Field(ge=4, le=4096, multiple_of=2)]


class SpexPlusConfig(SpexConfig):
    """SpEx+: frames of three lengths, one output at each of them in training."""

    kind: Literal["spexplus"] = "spexplus"
    kernel: tuple[Kernel, Kernel, Kernel] = (40, 160, 320)
    """Lengths of the frames in samples, the shortest first; the hop is half the shortest."""

    @property
    def kernels(self) -> tuple[int, ...]:
        return self.kernel

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if sorted(self.kernel) != list(self.kernel):
            raise ValueError(f"kernel={list(self.kernel)} must begin with the shortest")
        return self
