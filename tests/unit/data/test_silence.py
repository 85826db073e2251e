import numpy as np

from sonant.data.shards import audio_hash
from sonant.data.silence import plan_silence, silence


def test_levels_reach_from_exact_zero_to_a_noisy_room() -> None:
    clips = plan_silence(["train"] * 60, seconds=0.5, rate_hz=16000, seed=0)
    waves = [silence(clip.job).astype(float) for clip in clips]
    level = np.array([np.sqrt(np.mean(wav**2)) / 32768 for wav in waves])
    assert (level == 0).sum() == 6
    dbfs = 20 * np.log10(level[level > 0])
    assert dbfs.min() < -80
    assert -35 < dbfs.max() < -24
    assert np.histogram(dbfs, 5, (-90, -25))[0].min() >= 3


def test_no_clip_is_a_copy_of_another() -> None:
    clips = plan_silence(["train"] * 40, seconds=0.5, rate_hz=16000, seed=0)
    assert len({audio_hash(silence(clip.job)) for clip in clips}) == 40


def test_a_clip_depends_on_seed_and_index_alone() -> None:
    def wave(count: int, seed: int) -> bytes:
        return silence(plan_silence(["test"] * count, seconds=0.1, rate_hz=8000, seed=seed)[3].job).tobytes()

    assert wave(4, 0) == wave(9, 0)
    assert wave(4, 0) != wave(4, 1)
