"""Measure what was learned: distances, completion, textures, sounds, clips and energies.

Nothing here needs weights from elsewhere: image features come from a small classifier that is
trained on the spot, textures, sounds and clips are judged by statistics of the literature. Each
figure is one function of numpy arrays, in the file of its name; ``peers`` holds the classic methods
that ours are compared with.

Pictures are (n, channels, height, width), clips (channels, frames, height, width), both float32
within [0, 1]; sounds are (samples,) within [-1, 1]. A mask is 1 where something is missing.
"""
