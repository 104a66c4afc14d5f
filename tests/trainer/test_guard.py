from dataclasses import replace

import pytest

from coop_trainer.config import configure
from coop_trainer.figures import Figures
from coop_trainer.guard import Guard, GuardConfig
from coop_trainer.presets import load_preset

GOOD = Figures(f_data=0.1, f_model=0.0, drift=0.01, saturation=0.0, contrast=1.0)


@pytest.fixture
def config() -> GuardConfig:
    config = configure(load_preset("texture", "quick")).guard
    return replace(config, patience=2, grace=5, largest_gap=1.0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (GOOD._replace(f_data=7.0), "exploding energy"),
        (GOOD._replace(f_model=7.0), "exploding energy"),
        (GOOD._replace(saturation=0.8), "saturated samples"),
        (GOOD._replace(contrast=0.01), "flat samples"),
        (GOOD._replace(code_revision=11.0), "latents thrown 11 deviations"),
        (GOOD._replace(drift=0.04), "energy steeper than the sampler: the mean drift is 80%"),
    ],
)
def test_the_second_bad_iteration_in_a_row_is_named(
    config: GuardConfig, bad: Figures, reason: str
) -> None:
    guard, clear = Guard(config, max_drift=0.05), []
    for step, figures in enumerate((GOOD, bad, GOOD, bad), start=10):  # one alone is forgiven
        assert guard.judge(step, figures, 0.0) is None
        clear.append(guard.clear)
    assert clear == [True, False, True, False]
    assert reason in str(guard.judge(14, bad, 0.0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_named_at_once(config: GuardConfig, value: float) -> None:
    reason = Guard(config).judge(0, GOOD._replace(f_model=value, drift=value), 0.0)
    assert reason == "not a number: f_model, drift"


def test_new_generators_may_be_flat(config: GuardConfig) -> None:
    guard = Guard(config)
    flat = GOOD._replace(contrast=0.01)
    assert [guard.judge(step, flat, 0.0) for step in range(5)] == [None] * 5


def test_pictures_that_are_black_and_white_may_be_saturated(config: GuardConfig) -> None:
    guard = Guard(config)
    ink = GOOD._replace(saturation=0.9)
    assert [guard.judge(step, ink, 0.85) for step in range(3)] == [None] * 3


def test_a_flat_descriptor_is_named_once(config: GuardConfig) -> None:
    guard = Guard(replace(config, flat_drift=1e-3))
    named = [guard.went_flat(GOOD._replace(drift=drift)) for drift in (1.0, *[1e-4] * 80)]
    assert [step for step, flat in enumerate(named) if flat] == [50]


@pytest.mark.parametrize(
    ("limit", "bad"),
    [
        ("largest_gap", GOOD._replace(f_data=1e9)),
        ("largest_saturation", GOOD._replace(saturation=1.0)),
        ("smallest_contrast", GOOD._replace(contrast=0.0)),
        ("largest_code_revision", GOOD._replace(code_revision=1e9)),
        ("flat_drift", GOOD._replace(drift=0.0)),
    ],
)
def test_none_switches_a_check_off(limit: str, bad: Figures) -> None:
    pairs = ["guard.grace=0", f"guard.{limit}=none"]
    guard = Guard(configure(load_preset("texture", "quick"), pairs=pairs).guard)
    for step in range(60):
        assert guard.judge(step, bad, 0.0) is None
        assert guard.clear
        assert not guard.went_flat(bad)
