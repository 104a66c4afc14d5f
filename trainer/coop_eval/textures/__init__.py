"""Samples of one texture against the picture that they were learned from."""
