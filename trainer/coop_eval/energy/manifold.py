"""The energy of what a generator draws, as a function of its latents: E(g(z)).

Hill, Nijkamp, Zhu: "Building a Telescope to Look Into High-Dimensional Image Spaces", 2018, map the
energy of cooperatively learned networks there, where all points are pictures.
"""

import numpy as np

from coop_runtime import Array, EnergyGradient, Model

__all__ = ["energy_of_latents", "latents_of"]


def energy_of_latents(model: Model) -> EnergyGradient:
    """Give the function z ↦ E(g(z)), ∇E(g(z)).

    The chain rule's Jᵀ∇E, J = ∂g/∂z, comes from the posterior's gradient Jᵀ(x − g(z))/σ² − z, at
    x = g(z) + ∇E and σ = 1.

    Parameters
    ----------
    model
        With a generator and an energy.

    Returns
    -------
    A function of latents (n, channels, *cells).

    Raises
    ------
    MissingGraphError
        The bundle has no generator or no energy.
    """
    model.require("generator", "energy", "posterior")

    def energy_gradient(z: Array) -> tuple[Array, Array]:
        x = model.decode(z)
        energy, uphill = model.energy_and_gradient(x)
        # Of the size of a signal, whatever the energy's scale, or rounding would eat g(z) or ∇E.
        scale = np.abs(uphill).max(tuple(range(1, uphill.ndim)), keepdims=True) + 1e-12
        pulled = model.log_posterior(z, x + uphill / scale, np.ones_like(x), sigma=1.0)
        return energy, (pulled.gradient + z) * scale.reshape(-1, *[1] * (z.ndim - 1))

    return energy_gradient


def latents_of(model: Model, x: Array) -> Array:
    """Give latents of signals: the encoder's, or what Langevin inference finds without one."""
    return model.reconstruct(x).z
