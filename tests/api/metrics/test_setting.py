"""The operator's token must be hard to guess, and nothing repeats it."""

from dashboard.run import check_settings
from tests.api.metrics.conftest import OPERATORS
from tests.loops import in_turn

LONG = "kV8_x-2Qw9!zR4tY7uI0pA3sD6fG1hJ5"


@in_turn("token", ["", LONG, OPERATORS])
def test_none_and_a_long_one_are_taken(token: str) -> None:
    assert check_settings.metrics_token(token, others=["another"]) == []


@in_turn("token", [LONG[:31], "ab" * 40, f"{LONG} {LONG}", f"{LONG}é", f"{LONG}\x7f"])
def test_a_weak_one_is_refused(token: str) -> None:
    (sentence,) = check_settings.metrics_token(token, others=[])
    assert sentence.startswith("METRICS_TOKEN must be one random word of at least 32")
    assert token not in sentence


def test_one_that_opens_something_else_is_refused() -> None:
    (sentence,) = check_settings.metrics_token(LONG, others=["another", LONG])
    assert sentence == "METRICS_TOKEN must not be a secret that is used for something else."


def test_its_hash_is_kept_and_of_none_nothing() -> None:
    assert check_settings.digest("") == ""
    assert len(check_settings.digest(LONG)) == 64
