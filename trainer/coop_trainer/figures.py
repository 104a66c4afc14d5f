"""What one iteration of any method was like."""

import math
from typing import NamedTuple

from torch import Tensor

__all__ = ["Figures", "shape_of_samples"]


class Figures(NamedTuple):
    """Figures of one iteration; None where a method has no such thing.

    f is per sample and unit gain, so of order one.

    Attributes
    ----------
    f_data, f_model
        Mean f of the examples and of the model's samples (revised drafts, chains, generated
        ones); their difference is the energy gap.
    revision
        RMS change from draft to revised: how much the teacher corrects.
    code_revision
        RMS change of the latents in their inference.
    reconstruction
        RMS of what the generator should draw less what it draws, before its step.
    divergence
        KL(q(z|x) ‖ N(0, I)) of the encoder, in nats per example.
    drift
        Mean absolute Langevin drift per entry and step.
    acceptance
        Share of accepted Metropolis–Hastings proposals; 1 when it is off.
    saturation
        Share of the samples' entries with |x| > 0.99.
    contrast
        Standard deviation of the samples over that of the examples.
    discriminator_loss, generator_loss
        Of the adversarial network, in nats.
    """

    f_data: float | None = None
    f_model: float | None = None
    revision: float | None = None
    code_revision: float | None = None
    reconstruction: float | None = None
    divergence: float | None = None
    drift: float | None = None
    acceptance: float | None = None
    saturation: float | None = None
    contrast: float | None = None
    discriminator_loss: float | None = None
    generator_loss: float | None = None

    @property
    def gap(self) -> float | None:
        """The energy gap f_data − f_model."""
        if self.f_data is None or self.f_model is None:
            return None
        return self.f_data - self.f_model

    def known(self) -> dict[str, float]:
        """Give the figures that the method has, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def not_numbers(self) -> list[str]:
        """Name the figures that are NaN or infinite."""
        return [name for name, value in self.known().items() if not math.isfinite(value)]


def shape_of_samples(
    samples: Tensor, contrasted: Tensor, x: Tensor, seen: Tensor | None = None
) -> tuple[float, float]:
    """Give saturation of ``samples``, and contrast of ``contrasted`` against the examples x.

    With ``seen``, 1 where an entry of x is observed, the contrast is that of observed entries.
    """
    saturation = (samples.abs() > 0.99).float().mean().item()
    if seen is not None:
        contrasted, x = contrasted * seen, x * seen
    return saturation, (contrasted.detach().std() / x.std()).item()
