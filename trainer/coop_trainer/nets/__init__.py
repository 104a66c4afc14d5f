"""Descriptor and generator, written once for 1, 2 and 3 spatial dimensions."""

from .descriptor import Branch, Descriptor, DescriptorConfig
from .generator import Generator, GeneratorConfig, pack_latents, unpack_latents

__all__ = [
    "Branch",
    "Descriptor",
    "DescriptorConfig",
    "Generator",
    "GeneratorConfig",
    "pack_latents",
    "unpack_latents",
]
