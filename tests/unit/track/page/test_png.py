import io

import numpy as np
from PIL import Image

from sonant.track.page.png import encode, palette, spectrogram


def test_a_png_is_read_back_pixel_by_pixel() -> None:
    index_HW = np.random.default_rng(0).integers(0, 256, (7, 11)).astype(np.uint8)
    with Image.open(io.BytesIO(encode(index_HW))) as image:
        image.load()
        assert np.array_equal(np.asarray(image.convert("RGB")), palette()[index_HW])


def test_louder_is_lighter() -> None:
    assert np.all(np.diff(palette().astype(int).sum(axis=1)) >= 0)


def test_a_tone_is_a_line_at_its_height() -> None:
    wav_N = np.sin(2 * np.pi * 2000 * np.arange(16_000) / 16_000).astype(np.float32)
    with Image.open(io.BytesIO(spectrogram(wav_N, 16_000))) as image:
        light_FT = np.asarray(image.convert("L")).astype(int)
    loudest = light_FT.mean(axis=1).argmax()
    assert loudest == round(light_FT.shape[0] * (1 - 2000 / 8000)) - 1, "low frequencies are at the bottom"
    assert light_FT.shape[1] == 98, "one column every 10 ms"
