"""How a training goes: as data, and in words."""

from collections.abc import Sequence
from typing import NamedTuple

from .lesson import Lesson
from .process import Trainings
from .state import Progress, look

__all__ = ["Report", "report"]

_MEANINGS = {
    "energy gap": (
        "how much better the descriptor likes the original than what is drawn. Near zero is good; "
        "growing is not"
    ),
    "revision": "how far refinement moves a draft, the whole range of values being 2. Falling is "
    "good: the generator learns to draw what the descriptor likes",
    "reconstruction": "how far the generator is from what it should draw. Falling is good",
}


class Report(NamedTuple):
    """A lesson as the page shows it.

    Attributes
    ----------
    lesson
        What is learned.
    position
        Lessons before it, see `Trainings.position`.
    stopping
        Whether it is about to stop.
    progress
        What its folder tells.
    began
        When the work on it began, see `Trainings.began`.
    """

    lesson: Lesson
    position: int
    stopping: bool
    progress: Progress
    began: float = 0.0

    @property
    def done(self) -> float:
        """Share of the time of learning, from 0 to 1."""
        return min(1.0, self.progress.seconds / (60 * self.lesson.minutes))

    @property
    def left(self) -> float:
        """Seconds of learning that are left."""
        return max(0.0, 60 * self.lesson.minutes - self.progress.seconds)

    def data(self) -> dict[str, object]:
        """Give what the api gives: name, kind, state, position, step, seconds, figures …."""
        lesson, progress = self.lesson, self.progress
        return {
            "name": lesson.name,
            "kind": lesson.kind,
            "state": "stopping" if self.stopping else lesson.state,
            "message": lesson.message,
            "position": self.position,
            "minutes": lesson.minutes,
            "step": progress.step,
            "seconds": round(progress.seconds, 1),
            "seconds_left": round(self.left, 1),
            "figures": {name: points[-1][1] for name, points in progress.figures.items()},
            "events": list(progress.events),
        }

    def line(self) -> str:
        """Say in one line how it stands."""
        lesson, step = self.lesson, self.progress.step
        if self.stopping:
            return f"Stopping {lesson.name}: it saves what was learned …"
        match lesson.state:
            case "waiting":
                before = f"{self.position} before it" if self.position else "next"
                return f"{lesson.name} waits for its turn: {before}."
            case "training" if self.progress.written < self.began or step == 0:
                return f"{lesson.name}: {'going on' if step else 'beginning'}, in a moment …"
            case "training":
                return f"{lesson.name}: learning, step {step}, {_time(self.left)} left"
            case "exporting":
                return f"{lesson.name}: exporting and checking the bundle …"
            case "stopped":
                where = (
                    f"at step {step}, which is saved: resume it, or keep it as it is"
                    if step
                    else "before its first step: resume it"
                )
                return f"{lesson.name} is stopped {where}. {lesson.message}".strip()
            case "failed":
                return f"{lesson.name} failed: {lesson.message}"
        return f"{lesson.name} is learned, and can be chosen in the other tabs ({step} steps)."

    def words(self) -> str:
        """Say in Markdown what the figures mean, and what the guard did."""
        parts = [
            f"- **{name.capitalize()}** {points[-1][1]:.3g}, {_trend(points)}: {meaning}."
            for name, meaning in _MEANINGS.items()
            if (points := self.progress.figures.get(name))
        ]
        events = self.progress.events
        if events:
            parts += ["", "**What the guard saw**", ""]
            parts += [f"- {event}" for event in events[-5:]]
        return "\n".join(parts)


def report(trainings: Trainings, name: str) -> Report:
    """Look at a lesson; `CoopError` if there is none of this name."""
    stopping = trainings.stopping(name)  # first: it may have ended before the lesson is read
    lesson = trainings.lesson(name)
    return Report(
        lesson,
        trainings.position(name),
        stopping and lesson.state in ("training", "exporting"),
        look(trainings.run(name)),
        trainings.began(name),
    )


def _trend(points: Sequence[tuple[float, float]]) -> str:
    """Say whether sizes fall, by the means of the last two fifths of the points.

    Examples
    --------
    >>> _trend([(float(k), 1.0 / (1 + k)) for k in range(20)])
    'falling'
    """
    count = len(points) // 5
    if count < 2:
        return "just begun"
    sizes = [abs(value) for _, value in points]
    before, now = sum(sizes[-2 * count : -count]), sum(sizes[-count:])
    if now < 0.93 * before:
        return "falling"
    return "growing" if now > 1.07 * before else "steady"


def _time(seconds: float) -> str:
    """Give a time in words.

    Examples
    --------
    >>> _time(75.0), _time(9.6)
    ('1 min 15 s', '10 s')
    """
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
