"""What training makes small, and how the outputs that it leads to become scores."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from models.base import Section


class Link(Section):
    """How a network's outputs become scores between 0 and 1. Bundles carry it."""

    kind: Literal["softmax", "sigmoid"] = "softmax"
    """softmax: one of the labels, scores sum to 1; sigmoid: each label for itself."""
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Outputs are multiplied by this before."""


class CrossEntropy(Section):
    """Softmax cross entropy: one label out of all."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    link: ClassVar[Link] = Link()


class SoftF1(Section):
    """One minus the macro F1 of probabilities instead of decisions; give it large batches."""

    kind: Literal["soft_f1"] = "soft_f1"
    link: ClassVar[Link] = Link()


class Focal(Section):
    """Cross entropy in which clips that are right already count less (Lin et al. 2017, arXiv:1708.02002)."""

    kind: Literal["focal"] = "focal"
    gamma: Annotated[float, Field(ge=0, le=10)] = 2.0
    """How much less; 0 is cross entropy."""
    link: ClassVar[Link] = Link()


class Bce(Section):
    """Binary cross entropy of each label against all others: several labels, or none, may hold."""

    kind: Literal["bce"] = "bce"
    link: ClassVar[Link] = Link(kind="sigmoid")


class AamSoftmax(Section):
    """Softmax of cosines with an angular margin (Deng et al. 2019, arXiv:1801.07698), for embeddings that are compared.

    The network must give cosines: choose a head with `cosine: true`.
    """

    kind: Literal["aam_softmax"] = "aam_softmax"
    margin: Annotated[float, Field(ge=0, lt=1.5)] = 0.2
    """Angle in radians by which the right label is made harder in training; scores know no margin."""
    scale: Annotated[float, Field(gt=0, le=1000)] = 30.0
    """Cosines are multiplied by this before the softmax."""

    @property
    def link(self) -> Link:
        """Cosines are too close to each other to be logits as they are."""
        return Link(scale=self.scale)


def _by_name(value: Any) -> Any:
    """`loss: focal` is short for `loss: {kind: focal}`."""
    return {"kind": value} if isinstance(value, str) else value


LossConfig = Annotated[
    Annotated[CrossEntropy | SoftF1 | Focal | Bce | AamSoftmax, Field(discriminator="kind")],
    BeforeValidator(_by_name),
]
