"""How much one visitor may ask for."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What the server refuses to go beyond; an operator's choice.

    Attributes
    ----------
    side
        Largest side of a picture that is drawn, in pixels.
    seconds
        Longest sound or clip that is drawn.
    job_seconds
        Longest time of one job, waiting for its turn not counted.
    waiting
        Jobs that may wait for their turn; one more is refused with status 503.
    waiting_each
        Jobs of one visitor that may wait or run.
    file_bytes, body_bytes
        Largest upload, and largest body of any request.
    upload_pixels, upload_seconds, upload_frames
        Largest picture (of a clip: all its frames together), longest sound and longest clip that is
        decoded, as their headers state it.
    learn_minutes, learn_waiting, learn_kept
        Longest training, trainings that may wait for their turn, and trainings in all.
    """

    side: int = 2048
    seconds: float = 60.0
    job_seconds: float = 600.0
    waiting: int = 16
    waiting_each: int = 4
    file_bytes: int = 16 * 2**20
    body_bytes: int = 20 * 2**20
    upload_pixels: int = 4096 * 4096
    upload_seconds: float = 120.0
    upload_frames: int = 256
    learn_minutes: float = 30.0
    learn_waiting: int = 4
    learn_kept: int = 200
