import torch

from sonant.config.data import Augment, DataConfig
from sonant.data.loader import Loader


def test_everything_moves_to_the_device_together(make_corpus) -> None:
    corpus = make_corpus([{"label": "ab"[n % 2]} for n in range(8)], length=1600)
    cfg = DataConfig(corpus="", clip_s=0.1, batch_size=8, augment=Augment(mixup_p=1, room_p=1), prefetch=0)
    batch = next(iter(Loader(corpus, torch.arange(8).numpy(), ("a", "b"), cfg, seed=0, training=True).epoch(0)))
    assert len(batch) == 8
    # The meta device has no data: a tensor that stayed behind shows.
    moved = batch.to("meta")
    for part in (moved, moved.draws, moved.mix):
        tensors = [value for value in vars(part).values() if isinstance(value, torch.Tensor)]
        assert tensors
        assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.draws.sample_rate_hz == 16000
    assert moved.wav_BN.dtype == torch.int16


def test_a_plain_batch_moves_too(make_corpus) -> None:
    corpus = make_corpus([{"label": "a"}])
    cfg = DataConfig(corpus="", clip_s=0.1, prefetch=0)
    batch = next(iter(Loader(corpus, torch.arange(1).numpy(), ("a",), cfg, seed=0, training=False).epoch(0)))
    moved = batch.to("meta")
    assert moved.draws is None
    assert moved.mix is None
