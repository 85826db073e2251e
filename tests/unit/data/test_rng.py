import numpy as np

from sonant.data.rng import Purpose, rng, text_seed


def test_depends_on_the_arguments_alone() -> None:
    first = rng(Purpose.AUGMENT, 1, 2, 3).random(4)
    np.testing.assert_array_equal(first, rng(Purpose.AUGMENT, 1, 2, 3).random(4))


def test_purposes_share_no_stream() -> None:
    # numpy pads short seeds with zeros: [1, 2] and [1, 2, 0] are one stream, which the purpose in front must part.
    streams = [rng(purpose, 5, 0).random() for purpose in Purpose] + [rng(Purpose.ORDER, 5, 1).random()]
    assert len(set(streams)) == len(streams)


def test_text_seed_is_the_same_in_every_process() -> None:
    assert text_seed("seven") == 4298914727812999681
