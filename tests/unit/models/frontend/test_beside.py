"""Parts side by side see the same frames, whole or live."""

import torch

from models.frontend.beside import Beside, Centred, Past
from models.frontend.level import Level
from models.streaming import Chain, state_specs


def test_frames_of_all_lengths_are_centred_on_the_same_samples() -> None:
    wav_BN = torch.zeros(1, 4000)
    wav_BN[:, 1600] = 1.0
    parts = {str(length): Centred(Level(16000, 160, length), length) for length in (320, 480, 641)}
    rows_BFT = Beside(parts)(wav_BN)
    assert rows_BFT.shape == (1, 6, 26)
    for row in (1, 3, 5):
        heard = (rows_BFT[0, row] > -4).nonzero().flatten()
        assert heard[0] + heard[-1] in (20, 21)  # around frame 10; of an even frame the middle is its right half


def test_a_stream_of_parts_equals_the_whole() -> None:
    beside = Chain(Beside({"a": Past(Level(16000, 160, 320), 320, 160), "b": Past(Level(16000, 160, 640), 640, 160)}))
    wav_BN = torch.randn(2, 1600, generator=torch.Generator().manual_seed(0))
    state, out = beside.init_state(2), []
    assert [spec.shape for spec in state_specs(beside)] == [(160,), (480,)]
    for chunk_BN in wav_BN.split([160, 480, 960], 1):
        feat_BFT, state = beside.step(chunk_BN, state)
        out.append(feat_BFT)
    torch.testing.assert_close(torch.cat(out, -1), beside(wav_BN), rtol=0, atol=1e-6)
