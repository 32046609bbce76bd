"""What holds after any sequence of inputs whatsoever: 9,000 random steps here, 100,000 by `make engine-soak`."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.queue_engine.line_machine import LineMachine

DAY = settings(max_examples=150, stateful_step_count=60, deadline=None)
MANY_DAYS = settings(
    max_examples=1_000,
    stateful_step_count=120,
    deadline=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def test_the_invariants_hold_on_a_random_day() -> None:
    run_state_machine_as_test(LineMachine, settings=DAY)


@pytest.mark.minutes
def test_the_invariants_hold_on_many_random_days() -> None:
    run_state_machine_as_test(LineMachine, settings=MANY_DAYS)
