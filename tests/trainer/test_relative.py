import dataclasses
import math

import numpy as np
import pytest
import torch

from coop_trainer.config import Config, configure
from coop_trainer.data import Signals
from coop_trainer.nets import Draw, Generator, Layer
from coop_trainer.presets import load_preset
from coop_trainer.relative import resolved


def faint_sound() -> Signals:
    """A sine of a tenth of its range, with one peak that fills it."""
    x = (0.1 * np.sin(np.arange(4000))).astype(np.float32)
    x[7] = 1.0
    return Signals("sound", ("sine",), (x.reshape(1, -1, 1),), (-1.0, 1.0), rate=8000)


def sound_config(*pairs: str) -> Config:
    return configure(load_preset("sound", "quick"), pairs=pairs)


def test_lengths_scale_with_the_deviation_and_drift_with_them() -> None:
    config, signals = sound_config(), faint_sound()
    scale = signals.deviation()
    assert scale == pytest.approx(0.1 / math.sqrt(2), rel=0.05)
    absolute = resolved(config, signals)
    before, after = config.coopnets.langevin, absolute.coopnets.langevin
    assert after.step_size == pytest.approx(before.step_size * scale)
    assert before.max_drift is not None
    assert after.max_drift == pytest.approx(before.max_drift * scale)
    assert absolute.data.noise == pytest.approx(config.data.noise * scale)
    weights = [c.coopnets.contrast.gradient_penalty for c in (config, absolute)]
    assert weights[1] == pytest.approx(weights[0] * scale**2)
    noisy = resolved(sound_config("algorithm_d.noise_sd=1.0"), signals)
    assert noisy.algorithm_d.noise_sd == pytest.approx(scale)
    assert absolute.abp.sigma == pytest.approx(config.abp.sigma * scale)
    # f's gradient is 1/scale as steep on a signal of that scale: the drift ½δ²∇f scales, too.
    drift = [0.5 * c.step_size**2 / s for c, s in ((before, 1.0), (after, scale))]
    assert drift[1] == pytest.approx(drift[0] * scale)


def test_absolute_settings_stay_and_resolving_twice_changes_nothing() -> None:
    signals = faint_sound()
    once = resolved(sound_config(), signals)
    assert resolved(once, signals) == once
    plain = sound_config("data.relative=false")
    assert resolved(plain, signals) is plain


def test_a_generator_of_the_datas_amplitude_has_weights_of_order_one() -> None:
    torch.manual_seed(0)
    (x,) = faint_sound().tensors(torch.device("cpu"))
    config = dataclasses.replace(
        sound_config().generator,
        levels=(Layer(8, 9), Layer(8, 9, 4)),
        draw=Draw(9),
        latents=(2, 2),
        upsampling="nearest",
        padding="circular",
        calibrated=True,
    )
    g = Generator(config, channels=1, dims=1)
    g.calibrate(list(x))
    drafts = g(torch.randn(8, *g.latent_shape((8192,))))
    assert 0.15 < drafts.std().item() / x.std().item() < 0.8
    weight = g.draw.weight
    assert isinstance(weight, torch.Tensor)
    assert weight.std().item() == pytest.approx(0.5 / math.sqrt(weight[0].numel()), rel=0.2)
