import pytest
import torch
from torch import Tensor

from models import heads

CONFIGS = [
    heads.MeanConfig(),
    heads.AttentiveConfig(bottleneck=8),
    heads.LstmConfig(hidden=8),
    heads.FramesConfig(),
    heads.EmbeddingConfig(size=8, bottleneck=8),
]
every_head = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@every_head
@pytest.mark.parametrize("frames", [1, 2, 37])
def test_any_number_of_frames_gives_logits(config: heads.HeadConfig, frames: int) -> None:
    head = heads.create(config, 6, 3, 0.0).eval()
    logits_BK = head(noise(4, 6, frames))
    assert logits_BK.shape == (4, 3)
    assert logits_BK.isfinite().all()


@every_head
def test_dropout_acts_in_training_only(config: heads.HeadConfig) -> None:
    head = heads.create(config, 64, 3, 0.5)
    emb_BDT = noise(4, 64, 9)
    assert not torch.equal(head(emb_BDT), head(emb_BDT))
    head.eval()
    assert torch.equal(head(emb_BDT), head(emb_BDT))


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (heads.MeanConfig(), 6),
        (heads.AttentiveConfig(bottleneck=8, context=False), 12),
        (heads.LstmConfig(hidden=7), 7),
        (heads.EmbeddingConfig(size=5), 5),
        (heads.EmbeddingConfig(size=5, pool="mean", cosine=True), 5),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_embedding_is_what_goes_into_the_last_layer(config: heads.HeadConfig, size: int) -> None:
    head = heads.create(config, 6, 3, 0.5).eval()
    emb_BDT = noise(4, 6, 9)
    embedding_BE = head.embed(emb_BDT)
    assert embedding_BE.shape == (4, size)
    torch.testing.assert_close(head.output(embedding_BE), head(emb_BDT))


def test_embedding_of_the_frames_head_is_the_mean_frame() -> None:
    head = heads.FramesHead(6, 3, 0.0)
    emb_BDT = noise(2, 6, 9)
    torch.testing.assert_close(head.output(head.embed(emb_BDT)), head.frames(emb_BDT).mean(1))


def test_embedding_head_gives_plain_cosines() -> None:
    head = heads.EmbeddingHead(heads.EmbeddingConfig(size=5, cosine=True), 6, 3, 0.0).eval()
    emb_BDT = noise(4, 6, 9)
    (weight_KE,) = head.output.parameters()
    for embedding_E, logits_K in zip(head.embed(emb_BDT), head(emb_BDT), strict=True):
        torch.testing.assert_close(logits_K, torch.cosine_similarity(weight_KE, embedding_E, dim=1))
    before_BK = head(emb_BDT)
    with torch.no_grad():
        weight_KE.mul_(3)
    torch.testing.assert_close(head(emb_BDT), before_BK)


def test_mean_head_is_linear_in_the_mean() -> None:
    head = heads.create(heads.MeanConfig(), 6, 3, 0.5).eval()
    emb_BDT = noise(2, 6, 5)
    torch.testing.assert_close(head(emb_BDT), head(emb_BDT.mean(-1, keepdim=True)))


def test_lstm_head_of_published_size() -> None:
    head = heads.create(heads.LstmConfig(), 40, 2, 0.0)
    assert sum(parameter.numel() for parameter in head.parameters()) == 290_690


def test_attention_weights_can_be_looked_at() -> None:
    emb_BDT = noise(2, 6, 9)
    lstm = heads.LstmHead(6, 3, 0.0, hidden=8)
    torch.testing.assert_close(lstm.weights(emb_BDT).sum(-1), torch.ones(2))
    attentive = heads.AttentiveHead(6, 3, 0.0, bottleneck=8)
    torch.testing.assert_close(attentive.weights(emb_BDT).sum(-1), torch.ones(2, 6))


def test_frames_head_is_the_log_of_the_mean_of_exp() -> None:
    head = heads.FramesHead(6, 3, 0.0)
    emb_BDT = noise(2, 6, 9)
    frames_BTK = head.frames(emb_BDT)
    assert frames_BTK.shape == (2, 9, 3)
    torch.testing.assert_close(head(emb_BDT), frames_BTK.exp().mean(1).log())
    assert head(1000 * emb_BDT).isfinite().all()


def live(window: int) -> heads.LiveMeanHead:
    torch.manual_seed(0)
    return heads.LiveMeanHead(6, 3, 0.5, window).eval()


def test_live_head_averages_the_last_window() -> None:
    head, emb_BDT = live(4), noise(2, 6, 12)
    frames_BTK = head.frames(emb_BDT)
    for frame in range(12):
        window_BDT = emb_BDT[..., max(0, frame - 3) : frame + 1]
        torch.testing.assert_close(frames_BTK[:, frame], head(window_BDT))


def test_live_head_streams() -> None:
    head, emb_BDT = live(4), noise(2, 6, 12)
    state, parts = head.init_state(2), []
    for chunk_BDT in emb_BDT.split([1, 1, 2, 5, 3], -1):
        logits_BTK, state = head.step(chunk_BDT, state)
        parts.append(logits_BTK)
    torch.testing.assert_close(torch.cat(parts, 1), head.frames(emb_BDT))


def test_age_of_a_stream_stays_bounded() -> None:
    """It is a float: one that went on counting would stop being exact after 2**24 frames."""
    head = live(4)
    _, state = head.step(noise(1, 6, 1000), head.init_state(1))
    assert state["seen"].tolist() == [4.0]


def test_window_of_one_frame_is_refused() -> None:
    with pytest.raises(AssertionError, match="window"):
        live(1)
