"""The papers' learning algorithms, one file each."""
