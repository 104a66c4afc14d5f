import io

import numpy as np
import pytest
from PIL import Image

from coop_eval.sounds.spectrograms import spectrograms
from coop_runtime import CoopError


def test_sounds_stand_side_by_side() -> None:
    rng = np.random.default_rng(0)
    sounds = {name: rng.standard_normal(4000) for name in ("original", "sample", "random phase")}
    picture = Image.open(io.BytesIO(spectrograms(sounds, 8000.0)))
    assert picture.size == (1200, 300)
    assert spectrograms({"silence": np.zeros(4000)}, 8000.0)[:4] == b"\x89PNG"


def test_nothing_to_draw_is_refused() -> None:
    for sounds in ({}, {"click": np.ones(3)}):
        with pytest.raises(CoopError, match="at least 184 samples"):
            spectrograms(sounds, 8000.0)
