import pytest
import torch
from torch import Tensor, nn

from models.extract.base import stream
from models.extract.memory import CacheMemory, GruMemory, MemoryConfig, RnnMemory, SpecialChannelsMemory
from models.extract.segmented import ChunkExtractor, Mode, SegmentConfig, Segmented, join, split
from models.extract.spex import Spex, build
from models.extract.spexplus_short import SpexPlusShortConfig
from models.streaming import State


class Louder(ChunkExtractor):
    """Multiplies each window by how many windows it has heard, itself included."""

    def __init__(self, remembers: bool) -> None:
        super().__init__()
        self.sample_rate_hz, self.voice_size, self.remembers = 1000, 1, remembers
        self.gain = nn.Parameter(torch.ones(()))

    def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
        return ref_BR[:, :1]

    def init_state(self, rows: int) -> State:
        return {"heard": torch.ones(rows)} if self.remembers else {}

    def chunk(self, mix_BW: Tensor, state: State, voice_BE: Tensor) -> tuple[list[Tensor], State]:
        if not self.remembers:
            return [self.gain * mix_BW * voice_BE], {}
        return [self.gain * mix_BW * state["heard"][:, None]], {"heard": self.gain * (state["heard"] + 1)}


@pytest.mark.parametrize("mode", ["half", "nonintersec"])
@pytest.mark.parametrize("samples", [1, 4, 5, 8, 9, 12, 101])
def test_splitting_and_joining_change_nothing(mode: Mode, samples: int) -> None:
    mix_BN = torch.randn(3, samples)
    mix_BKW = split(mix_BN, 8, mode)
    assert mix_BKW.shape[2] == 8
    joined_BN = join(mix_BKW, mode)
    assert torch.equal(joined_BN[:, :samples], mix_BN)
    assert not joined_BN[:, samples:].any()


@pytest.mark.parametrize(("samples", "half", "nonintersec"), [(48_000, 19, 10), (16_000, 6, 4), (2400, 1, 1)])
def test_number_of_windows(samples: int, half: int, nonintersec: int) -> None:
    """Of 300 ms, as the research system has them; but a short mixture has one too."""
    assert split(torch.zeros(1, samples), 4800, "half").shape[1] == half
    assert split(torch.zeros(1, samples), 4800, "nonintersec").shape[1] == nonintersec


def test_stretches_of_two_windows_are_their_average() -> None:
    model = Segmented(Louder(remembers=True), 4, "half")
    assert model.extract(torch.ones(1, 8), torch.ones(1, 1)).wav_BN[0].tolist() == [1, 1, 1.5, 1.5, 2.5, 2.5, 3, 3]
    assert (model.hop, model.latency) == (2, 2)
    whole = Segmented(Louder(remembers=True), 4, "nonintersec")
    assert whole.extract(torch.ones(1, 8), torch.ones(1, 1)).wav_BN[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert (whole.hop, whole.latency) == (4, 0)


def test_a_stream_waits_for_its_first_window_and_remembers_none_before_it() -> None:
    model = Segmented(Louder(remembers=True), 4, "half")
    live, state = stream(model, torch.ones(1, 8), torch.ones(1, 1), [2, 4, 2])
    assert live.wav_BN[0].tolist() == [0, 0, 1, 1, 1.5, 1.5, 2.5, 2.5]
    assert state["model.heard"].tolist() == [4]
    assert model.flush(state, torch.ones(1, 1))[0].tolist() == [3, 3]


def test_a_stream_that_heard_nothing_has_nothing_left() -> None:
    model = Segmented(Louder(remembers=True), 4, "half")
    assert model.flush(model.init_state(2), torch.ones(2, 1)).tolist() == [[0, 0], [0, 0]]


def test_windows_without_memory_are_rows_of_their_own_voice() -> None:
    model = Segmented(Louder(remembers=False), 4, "half")
    mix_BN, voice_BE = torch.randn(2, 1000), torch.tensor([[2.0], [-1.0]])
    assert torch.allclose(model.extract(mix_BN, voice_BE).wav_BN, mix_BN * voice_BE)


@pytest.mark.parametrize(("truncate", "wanted"), [(None, 8 + 3 + 2), (2, 8), (1, 4)])
def test_gradients_go_back_as_far_as_is_wanted(truncate: int | None, wanted: float) -> None:
    """The last of four windows is 2 g^4 + g^3 + g^2; what was heard before it or the third is a number if truncated:
    4 g^2 or 4 g."""
    model = Louder(remembers=True)
    out_BN = Segmented(model, 4, "nonintersec", truncate).extract(torch.ones(1, 16), torch.ones(1, 1)).wav_BN
    out_BN[0, -1].backward()
    assert model.gain.grad is not None
    assert model.gain.grad.item() == wanted


MEMORIES: list[MemoryConfig] = [RnnMemory(), *(GruMemory(version=v, size=4) for v in range(4)), CacheMemory(size=4),
                                SpecialChannelsMemory(size=4)]  # fmt: skip


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: f"{memory.kind}{getattr(memory, 'version', '')}")
@pytest.mark.parametrize("truncate", [None, 2, 3])
def test_back_propagation_reaches_exactly_so_many_windows(memory: MemoryConfig, truncate: int | None) -> None:
    """What the last of six windows gives, by what each window heard. A cache lets nothing through at any length."""
    torch.manual_seed(0)
    segment = SegmentConfig(window_ms=20, mode="nonintersec", truncate=truncate)
    model = build(
        SpexPlusShortConfig(channels=8, hidden=8, voice_size=4, stacks=2, blocks=3, segment=segment, memory=memory)
    )
    mix_BN = torch.randn(2, 6 * 320, requires_grad=True)
    model.extract(mix_BN, torch.randn(2, 4)).wav_BN[:, -320:].square().sum().backward()
    assert mix_BN.grad is not None
    reached = mix_BN.grad.abs().sum(0).reshape(6, 320).sum(1).gt(0).tolist()
    carried = 1 if memory.kind == "cache" else truncate or 6
    assert reached == [False] * (6 - carried) + [True] * carried


def test_all_windows_of_an_item_share_one_voice_and_teach_it() -> None:
    """Enrolment is computed once, and hears from every window, however short the memory's reach."""

    class Counting(Spex):
        enrolled = 0

        def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
            self.enrolled += 1
            voice_BE = super().enroll(ref_BR, ref_samples_B)
            voice_BE.register_hook(lambda gradient_BE: taught.append(gradient_BE))
            return voice_BE

    taught: list[Tensor] = []
    segment = SegmentConfig(window_ms=20, truncate=1)
    inner = Counting(
        SpexPlusShortConfig(channels=8, hidden=8, voice_size=4, stacks=2, blocks=3, segment=segment, memory=GruMemory())
    )
    model = Segmented(inner, 320, truncate=1)
    model(torch.randn(2, 8 * 320), torch.randn(2, 4000)).wav_BN[:, :320].square().sum().backward()
    assert inner.enrolled == len(taught) == 1
    assert bool((taught[0] != 0).any(1).all())


def test_chunks_are_summed_in_full_precision() -> None:
    """Also where the layers are not; the research system trained on waves of half precision."""

    model = build(SpexPlusShortConfig(channels=8, hidden=8, voice_size=4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(torch.randn(1, 9600), torch.randn(1, 4000)).wav_BN.dtype == torch.float32
