"""Descriptor, generator and encoder, written once for 1, 2 and 3 spatial dimensions."""

from .descriptor import Branch, Descriptor, DescriptorConfig
from .encoder import Code, Encoder, EncoderConfig
from .generator import Generator, GeneratorConfig
from .growing import Growing, GrowingDescriptor, GrowingEncoder, GrowingGenerator, Stage
from .latents import pack_latents, unpack_latents
from .shapes import Draw, Layer

__all__ = [
    "Branch",
    "Code",
    "Descriptor",
    "DescriptorConfig",
    "Draw",
    "Encoder",
    "EncoderConfig",
    "Generator",
    "GeneratorConfig",
    "Growing",
    "GrowingDescriptor",
    "GrowingEncoder",
    "GrowingGenerator",
    "Layer",
    "Stage",
    "pack_latents",
    "unpack_latents",
]
