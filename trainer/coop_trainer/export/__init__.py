"""Export: a trained model as a bundle that ``coop_runtime`` plays without torch."""

from .bundle import write_bundle
from .graphs import (
    encoder_graph,
    energy_and_gradient,
    energy_graph,
    export_graph,
    export_torchscript,
    generator_graph,
    log_posterior,
    posterior_graph,
)
from .parity import check, measure
from .readme import model_readme

__all__ = [
    "check",
    "encoder_graph",
    "energy_and_gradient",
    "energy_graph",
    "export_graph",
    "export_torchscript",
    "generator_graph",
    "log_posterior",
    "measure",
    "model_readme",
    "posterior_graph",
    "write_bundle",
]
