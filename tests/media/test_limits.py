from __future__ import annotations

import time
from typing import Any

import pytest

from mh_preflight.errors import InputError
from mh_preflight.media import Limits
from mh_preflight.media.limits import MOST_SECONDS, STORED_A_SECOND, Budget, processor_seconds
from mh_preflight.media.origins import InMemory


class Stored(InMemory):
    def __init__(self, stored: int) -> None:
        super().__init__(b"x")
        self.stored = stored


@pytest.mark.parametrize(
    "name", ["processor_seconds", "memory_bytes", "remote_seconds", "remote_bytes"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "3", True, None])
def test_a_limit_is_a_number_above_zero(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        Limits(**{name: value})


def test_a_long_film_that_is_really_there_gets_more_time_and_a_sparse_one_does_not() -> None:
    limits = Limits(processor_seconds=3)
    assert processor_seconds(limits, Stored(0)) == 3
    assert processor_seconds(limits, Stored(STORED_A_SECOND - 1)) == 3
    assert processor_seconds(limits, Stored(10 * STORED_A_SECOND)) == 13
    assert processor_seconds(limits, Stored(10**6 * STORED_A_SECOND)) == MOST_SECONDS


def test_a_limit_above_the_most_is_kept() -> None:
    assert processor_seconds(Limits(processor_seconds=100), Stored(0)) == 100


def test_a_budget_counts_the_time_that_is_worked_and_not_waited() -> None:
    budget = Budget(0.05)
    time.sleep(0.1)
    before = budget.spent
    assert not before
    start = time.thread_time()
    while not budget.spent:
        sum(range(1000))
    assert 0 < time.thread_time() - start < 1
