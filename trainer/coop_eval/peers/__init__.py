"""Classic methods that learned models are compared with, each at its documented settings."""
