"""A network of fixed chunks as a stream: the 300 ms scheme of the research system, in the streaming contract.

`half`: windows overlap by half and each stretch is the plain average of the two that hold it, so it is final half a
window later. `nonintersec`: windows follow one another. A stretch that only one window holds, at either end, is taken
as it is, and splitting and joining without a network in between changes nothing.

Shapes: B streams, N samples, K windows of W samples, H samples of a hop, E numbers of a voice.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from models.base import Section
from models.extract.base import Extraction, Extractor, Live, LiveExtractor
from models.streaming import State, child, nest

Mode = Literal["half", "nonintersec"]
GROUP = 64
"""Windows without memory that are computed at once."""


class SegmentConfig(Section):
    """How a signal is cut into windows."""

    window_ms: Annotated[float, Field(gt=0)] = 300.0
    """Length of a window in ms: how long a sample waits at most, without the time to compute."""
    mode: Mode = "half"
    """Windows overlap by half and are averaged (half), or follow one another (nonintersec)."""
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Windows that gradients go back through the memory; null: all."""
    align_memory: bool = True
    """With half: kept frames stand beside those of the same time, not of the same place in the window."""


class ChunkExtractor(Extractor):
    """An extractor of single chunks, with its memory in and out: what can be cut into windows."""

    remembers: bool
    """Whether a chunk depends on those before it."""

    def init_state(self, rows: int) -> State:
        raise NotImplementedError

    def chunk(self, mix_BW: Tensor, state: State, voice_BE: Tensor) -> tuple[list[Tensor], State]:
        """The voice in one chunk [B, W], at one scale or (in training) more, and the memory after it."""
        raise NotImplementedError


def split(mix_BN: Tensor, window: int, mode: Mode) -> Tensor:
    """Windows [B, K, W] of a signal, with silence behind it where they reach beyond."""
    hop = hop_of(window, mode)
    hops = max(-(-(mix_BN.shape[1] - window) // hop), 0)
    return F.pad(mix_BN, (0, window + hops * hop - mix_BN.shape[1])).unfold(1, window, hop)


def join(wav_BKW: Tensor, mode: Mode) -> Tensor:
    """The signal [B, N] of windows: the inverse of split. Linear in time, in the type of the windows."""
    if mode == "nonintersec":
        return wav_BKW.flatten(1)
    first_BKH, second_BKH = wav_BKW.chunk(2, -1)
    between_BKH = 0.5 * (second_BKH[:, :-1] + first_BKH[:, 1:])
    return torch.cat([first_BKH[:, :1], between_BKH, second_BKH[:, -1:]], 1).flatten(1)


def hop_of(window: int, mode: Mode) -> int:
    """Samples from window to window."""
    return window // 2 if mode == "half" else window


class Segmented(LiveExtractor):
    """Cuts signals into windows of `window` samples for a network of chunks."""

    def __init__(self, model: ChunkExtractor, window: int, mode: Mode = "half", truncate: int | None = None) -> None:
        super().__init__()
        assert window % 2 == 0, "a window has two halves"
        self.model, self.window, self.truncate = model, window, truncate
        self.mode: Mode = mode
        self.sample_rate_hz, self.voice_size = model.sample_rate_hz, model.voice_size
        self.hop = hop_of(window, mode)
        self.latency = window - self.hop
        self.one_hop, self.tail = True, "tail" if mode == "half" else None

    def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
        return self.model.enroll(ref_BR, ref_samples_B)

    def logits(self, voice_BE: Tensor) -> Tensor | None:
        return self.model.logits(voice_BE)

    def extract(self, mix_BN: Tensor, voice_BE: Tensor) -> Extraction:
        mix_BKW = split(mix_BN, self.window, self.mode)
        run = self._one_by_one if self.model.remembers else self._together
        wav_BN, *scales = (join(wav_BKW, self.mode)[:, : mix_BN.shape[1]] for wav_BKW in run(mix_BKW, voice_BE))
        return Extraction(wav_BN, tuple(scales))

    def offline(self, mix_BN: Tensor, voice_BE: Tensor) -> Live:
        # The last stretch is only final when its stream ends.
        wav_BN = self.extract(mix_BN, voice_BE).wav_BN[:, : mix_BN.shape[1] - self.latency]
        return Live(F.pad(wav_BN, (self.latency, 0)))

    def init_state(self, rows: int) -> State:
        state = nest("model", self.model.init_state(rows))
        if self.mode == "half":
            like = next(self.parameters())
            state["heard"] = like.new_zeros(rows, self.hop)
            state["tail"] = like.new_zeros(rows, self.hop)
            state["hops"] = like.new_zeros(rows)
        return state

    def step(self, x: Tensor, state: State, voice_BE: Tensor) -> tuple[Live, State]:
        advance = self._half_step if self.mode == "half" else self._whole_step
        outputs: list[Tensor] = []
        for chunk_BH in x.split(self.hop, 1):
            wav_BH, state = advance(chunk_BH, state, voice_BE)
            outputs.append(wav_BH)
        return Live(torch.cat(outputs, 1)), state

    def flush(self, state: State, voice_BE: Tensor) -> Tensor:
        if self.mode == "nonintersec":
            return super().flush(state, voice_BE)
        # A stream of one hop has not filled a window yet: silence does.
        mix_BW = F.pad(state["heard"], (0, self.hop))
        (wav_BW, *_), _ = self.model.chunk(mix_BW, child("model", state), voice_BE)
        hops_B1 = state["hops"][:, None]
        return torch.where(hops_B1 >= 2, state["tail"], wav_BW[:, : self.hop] * hops_B1)

    def _whole_step(self, chunk_BW: Tensor, state: State, voice_BE: Tensor) -> tuple[Tensor, State]:
        (wav_BW, *_), after = self.model.chunk(chunk_BW, child("model", state), voice_BE)
        return wav_BW, nest("model", after)

    def _half_step(self, chunk_BH: Tensor, state: State, voice_BE: Tensor) -> tuple[Tensor, State]:
        """Rows are of different ages. With its first hop a stream has no window yet: nothing comes out, and what the
        network made of half a window is forgotten."""
        before = child("model", state)
        mix_BW = torch.cat([state["heard"], chunk_BH], 1)
        (wav_BW, *_), after = self.model.chunk(mix_BW, before, voice_BE)
        first_BH, second_BH = wav_BW.chunk(2, 1)
        hops_B = state["hops"]
        full_B1, joined_B1 = hops_B[:, None] >= 1, hops_B[:, None] >= 2
        out_BH = torch.where(joined_B1, 0.5 * (state["tail"] + first_BH), first_BH)
        kept = {name: torch.where(_like(hops_B >= 1, value), after[name], value) for name, value in before.items()}
        return torch.where(full_B1, out_BH, 0.0), nest("model", kept) | {
            "heard": chunk_BH,
            "tail": torch.where(full_B1, second_BH, 0.0),
            "hops": (hops_B + 1).clamp_max(2),
        }

    def _one_by_one(self, mix_BKW: Tensor, voice_BE: Tensor) -> list[Tensor]:
        """All windows [B, K, W] at each scale, each with the memory of those before it."""
        state = self.model.init_state(mix_BKW.shape[0])
        windows: list[list[Tensor]] = []
        for place, mix_BW in enumerate(mix_BKW.unbind(1)):
            if self.truncate is not None and place % self.truncate == 0:
                state = {name: value.detach() for name, value in state.items()}
            wavs, state = self.model.chunk(mix_BW, state, voice_BE)
            windows.append(wavs)
        return [torch.stack(list(scale), 1) for scale in zip(*windows, strict=True)]

    def _together(self, mix_BKW: Tensor, voice_BE: Tensor) -> list[Tensor]:
        """The same without memory: windows are rows."""
        groups: list[list[Tensor]] = []
        for mix_BGW in mix_BKW.split(GROUP, 1):
            count = mix_BGW.shape[1]
            wavs, _ = self.model.chunk(mix_BGW.flatten(0, 1), {}, voice_BE.repeat_interleave(count, 0))
            groups.append([wav.unflatten(0, (-1, count)) for wav in wavs])
        return [torch.cat(list(scale), 1) for scale in zip(*groups, strict=True)]


def _like(row_B: Tensor, value: Tensor) -> Tensor:
    """Shaped to be compared with a state row by row."""
    return row_B.reshape(-1, *(1 for _ in value.shape[1:]))
