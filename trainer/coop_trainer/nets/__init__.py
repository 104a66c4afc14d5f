"""Descriptor, generator and encoder, written once for 1, 2 and 3 spatial dimensions."""

from .descriptor import Branch, Descriptor, DescriptorConfig
from .encoder import Code, Encoder, EncoderConfig
from .generator import Generator, GeneratorConfig, pack_latents, unpack_latents

__all__ = [
    "Branch",
    "Code",
    "Descriptor",
    "DescriptorConfig",
    "Encoder",
    "EncoderConfig",
    "Generator",
    "GeneratorConfig",
    "pack_latents",
    "unpack_latents",
]
