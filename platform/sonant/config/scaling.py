"""How many replicas a deployment has, by what it has to do. No import paths: a config is data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.base import Section


class _Bounds(Section):
    """What every policy has."""

    min_replicas: Annotated[int, Field(ge=0)] = 1
    """Fewest replicas; 0: none while nobody asks, and whoever comes then waits for the first to start."""
    max_replicas: Annotated[int, Field(ge=1)]
    """Most replicas."""
    ongoing: Annotated[float, Field(gt=0)] = 4.0
    """Requests about files that one replica is to work on at once, on average."""
    up_s: Annotated[float, Field(ge=0)] = 2.0
    """Time for which more replicas must have been wanted, before they are started."""
    down_s: Annotated[float, Field(ge=0)] = 300.0
    """Time for which fewer must have been enough, before one is stopped."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas={self.max_replicas} must not be below min_replicas={self.min_replicas}")
        return self


class LiveScaling(_Bounds):
    """For replicas that take requests: by free places, by answers that come late, and by files at work."""

    kind: Literal["live"]
    """What counts: live sessions, and files."""
    free_slots: Annotated[float, Field(ge=0, le=0.9)] = 0.2
    """Share of all places for live sessions that is to be free."""
    late_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of live sound whose answers may take longer than the sound lasts; with more, there is one replica more."""

    def serve_config(self) -> dict[str, Any]:
        """The same as keys of Ray Serve's autoscaling. The times of waiting are our policy's own."""
        rules = self.model_dump(include={"free_slots", "late_share", "ongoing", "up_s", "down_s"})
        return {
            "min_replicas": self.min_replicas,
            "max_replicas": self.max_replicas,
            "upscale_delay_s": 0.0,
            "downscale_delay_s": 0.0,
            "metrics_interval_s": 1.0,
            "look_back_period_s": 10.0,
            "policy": {"policy_function": "sonant.edge.scaling:LivePolicy", "policy_kwargs": rules},
        }


class RequestScaling(_Bounds):
    """For any deployment: by the requests that wait or are worked on; a live session is one of them."""

    kind: Literal["requests"]
    """What counts: requests."""

    def serve_config(self) -> dict[str, Any]:
        """The same as keys of Ray Serve's autoscaling."""
        return {
            "min_replicas": self.min_replicas,
            "max_replicas": self.max_replicas,
            "target_ongoing_requests": self.ongoing,
            "upscale_delay_s": self.up_s,
            "downscale_delay_s": self.down_s,
        }


Scaling = Annotated[LiveScaling | RequestScaling, Field(discriminator="kind")]
