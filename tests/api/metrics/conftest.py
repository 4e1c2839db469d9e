"""Teams with a mirror each, and requests for metrics: with a team's token, with the operator's, with none."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pytest_django import Settings

from dashboard.teams.models import Membership
from tests.api.conftest import Script, clock, foreign, made, mia, prod, rita, script
from tests.views.snapshots.conftest import environment, fill, key, seen, sim
from tests.views.volumes.home.conftest import told, week

__all__ = [
    "clock",
    "environment",
    "fill",
    "foreign",
    "key",
    "mia",
    "prod",
    "rita",
    "script",
    "seen",
    "sim",
    "told",
    "week",
]
METRICS = "/metrics"
OPERATORS = "CANARY-operator-0123456789abcdefghij"


class Told:
    """What an answer says, by the name of the metric and its labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def values(self, name: str, label: str, **wanted: str) -> dict[str, float]:
        """The values of a metric by one of its labels, those with the other labels wanted."""
        return {sample.labels[label]: sample.value for sample in self._of(name, wanted)}

    def value(self, name: str, **wanted: str) -> float:
        (sample,) = self._of(name, wanted)
        return float(sample.value)

    def total(self, name: str, **wanted: str) -> float:
        return sum(sample.value for sample in self._of(name, wanted))

    def number(self, name: str, **wanted: str) -> int:
        return len(list(self._of(name, wanted)))

    def all_of(self, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if label in sample.labels}

    def _of(self, name: str, wanted: Mapping[str, str]) -> Iterator[Sample]:
        for sample in self.samples:
            if sample.name == name and wanted.items() <= sample.labels.items():
                yield sample


def told_to(script: Script) -> Told:
    answer = script.get(METRICS)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Told(answer.content.decode())


@pytest.fixture
def operator(settings: Settings) -> Script:
    settings.METRICS_TOKEN_DIGEST = sha256(OPERATORS.encode()).hexdigest()
    return Script(OPERATORS)


@pytest.fixture
def asker(mia: Membership) -> Script:
    """A script of the team, with any mirror."""
    return made(mia)[1]
