"""Samples of a sound against the recording: statistics of hearing, modulations, copied grains."""
