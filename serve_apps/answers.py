"""What the routes answer, as OpenAPI documents it: the forms of runtime.answer and runtime.emotion."""

from __future__ import annotations

from pydantic import BaseModel


class LabelScore(BaseModel):
    label: str
    score: float


class Answer(BaseModel):
    """What was heard in a recording. Longer ones are cut into overlapping windows: their scores are averaged, or, where
    some labels stand for "none of the words", those of the window that is least of them are told."""

    model: str
    label: str
    """The likeliest label."""
    score: float
    """Its probability."""
    scores: list[LabelScore]
    """Likeliest first; all labels, or `top_k` of them."""
    duration_s: float

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {
                "model": "words/20251121-031822",
                "label": "yes",
                "score": 0.98,
                "scores": [{"label": "yes", "score": 0.98}, {"label": "no", "score": 0.01}],
                "duration_s": 1.0,
            }
        },
    }


class EmotionSegment(BaseModel):
    """A stretch of a recording; its length is half of the clips that the network was trained on."""

    t_start: float
    """Seconds from the beginning."""
    t_end: float
    emotion: str
    """The likeliest one."""
    probabilities: dict[str, float]
    """Of every emotion."""

    model_config = {"use_attribute_docstrings": True}


class EmotionAnswer(BaseModel):
    """How a voice sounds. Longer recordings are cut into overlapping windows, whose probabilities are averaged."""

    emotion: str
    """The likeliest one."""
    probabilities: dict[str, float]
    """Of every emotion."""
    timeline: list[EmotionSegment] | None = None
    """When asked for: segments without gaps, in order. Otherwise it is not there."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {"emotion": "happy", "probabilities": {"happy": 0.81, "neutral": 0.12, "sad": 0.07}}
        },
    }
