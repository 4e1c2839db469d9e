"""Steps of the tests of alerts: lists come, problems are settled and announced, and the outbox is read."""

from collections.abc import Sequence

import time_machine

from snapshots.alerts.outbox import announce
from snapshots.alerts.problems import settle
from snapshots.cloudca.records import SnapshotRecord
from snapshots.models import Alert, Delivery, Environment
from tests.views.snapshots.conftest import Fill

Told = list[tuple[str, str, int]]


def listed(fill: Fill, records: Sequence[SnapshotRecord], clock: time_machine.Traveller, *, after: float = 600) -> None:
    """A complete list comes, and what follows from it is stored and announced."""
    clock.shift(after)
    fill(records)
    settle(Environment.objects.get(), announce=announce)


def alerts() -> Told:
    """What was announced, in order: event, kind and how many problems."""
    found = Alert.objects.order_by("pk")
    return [(alert.event, alert.get_kind_display(), alert.content["count"]) for alert in found]


def queued() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("key", flat=True))
