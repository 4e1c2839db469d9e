"""How long something was, in words."""

from datetime import timedelta

import pytest

from snapshots.text.problem_labels import length


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=4), "4 s"),
        (timedelta(hours=3, minutes=21, seconds=50), "3 h 21 min"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=729, hours=5), "729 d 5 h"),
        (timedelta(days=730), "2 years"),
        (timedelta(days=3968), "10 years"),
    ],
)
def test_two_units_and_then_years(span: timedelta, text: str) -> None:
    assert length(span) == text
