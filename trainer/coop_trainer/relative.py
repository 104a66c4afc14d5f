"""Settings in units of the training data's standard deviation, turned into units of the range."""

import dataclasses
from typing import Any

from .config import Config
from .data import Signals

__all__ = ["resolved"]

METHODS = ("algorithm_d", "abp", "coopnets", "triangle", "mcmc_triangle", "vae")
LENGTHS = ("step_size", "max_drift")


def resolved(config: Config, signals: Signals) -> Config:
    """Turn relative settings (``data.relative``) into absolute ones.

    Step size, largest drift, noise on the data and of first states, and σ are multiplied by the
    standard deviation of the training data in [−1, 1]. Sounds need it: scaled by their peaks,
    their deviations differ tenfold. The gain of f needs no change: drift, step and noise keep
    their proportions. A slope on a signal of half the deviation is twice as steep, so the weight of
    its square, the gradient penalty, is multiplied by the variance.
    """
    if not config.data.relative:
        return config
    scale = signals.deviation()
    data = dataclasses.replace(config.data, relative=False, noise=config.data.noise * scale)
    changes: dict[str, Any] = {"data": data}
    for name in METHODS:
        settings = getattr(config, name)
        change: dict[str, Any] = {}
        if hasattr(settings, "sigma"):
            change["sigma"] = settings.sigma * scale
        if getattr(settings, "noise_sd", None) is not None:
            change["noise_sd"] = settings.noise_sd * scale
        if hasattr(settings, "langevin"):
            lengths = {key: getattr(settings.langevin, key) for key in LENGTHS}
            scaled = {key: value * scale for key, value in lengths.items() if value is not None}
            change["langevin"] = dataclasses.replace(settings.langevin, **scaled)
        if hasattr(settings, "contrast"):
            penalty = settings.contrast.gradient_penalty * scale**2
            change["contrast"] = dataclasses.replace(settings.contrast, gradient_penalty=penalty)
        changes[name] = dataclasses.replace(settings, **change)
    return dataclasses.replace(config, **changes)
