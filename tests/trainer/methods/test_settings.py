"""Settings out of range name themselves."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from coop_runtime import CoopError
from coop_trainer.methods import abp, gan, vae
from coop_trainer.nets import Draw, EncoderConfig, Layer

from .toys import ALGORITHM_D, DUAL, LANGEVIN, NO_PENALTY, TRIANGLE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: abp.AbpConfig("langevin", 0, 0.1, 0.3), "abp.steps"),
        (lambda: abp.AbpConfig("langevin", 1, -0.1, 0.3), "abp.step_size"),
        (lambda: replace(TRIANGLE, samples=0), "triangle.samples"),
        (lambda: replace(TRIANGLE, sigma=math.nan), "triangle.sigma"),
        (lambda: replace(TRIANGLE, dream=-1.0), "triangle.dream"),
        (lambda: replace(ALGORITHM_D, chains=0), "algorithm_d.chains"),
        (lambda: replace(ALGORITHM_D, pool=3), "algorithm_d.pool"),
        (lambda: replace(ALGORITHM_D, restart=2.0), "algorithm_d.restart"),
        (lambda: replace(LANGEVIN, step_size=0.0), "langevin.step_size"),
        (lambda: replace(NO_PENALTY, l2=-1.0), "contrast.l2"),
        (lambda: replace(DUAL, samples=0), "mcmc_triangle"),
        (lambda: replace(DUAL, sigma=-1.0), "mcmc_triangle.sigma"),
        (lambda: replace(DUAL, revision_weight=math.inf), "mcmc_triangle.revision_weight"),
        (lambda: gan.GanConfig(0, 1, 0.0), "gan.samples"),
        (lambda: vae.VaeConfig(0.0), "vae.sigma"),
        (lambda: EncoderConfig((Layer(4, 0),), Draw(1), "relu", False, None), "encoder.layers"),
    ],
)
def test_settings_out_of_range(make: Callable[[], object], message: str) -> None:
    with pytest.raises(CoopError, match=message):
        make()
