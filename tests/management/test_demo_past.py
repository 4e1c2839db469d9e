"""The demo's state at its start: a volume for each verdict, and things to watch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from dashboard.teams.models import Team
from snapshots.demo import past
from snapshots.demo.show import ACME_KEY, ACME_SEES
from snapshots.models import Change, Environment, Policy, Volume
from snapshots.rules.verdict import Verdict
from snapshots.simulator.options import keys_of
from snapshots.simulator.server import Simulator
from snapshots.simulator.world import World
from snapshots.sync.leases import Caller
from snapshots.sync.refresh import refresh
from snapshots.verdicts.sql import DataAges, volumes_of_team, with_verdicts
from tests.kept import keeping
from tests.management.conftest import Provision

ANCHOR = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEYS = keys_of([f"{ACME_KEY}@{ACME_SEES}"])
TOLD = """
[[team]]
slug = "acme"
name = "Acme Platform"
api_key = { env = "DEMO_KEY" }
environments = ["compute-on/shop", "compute-qc/dev"]
[[team.member]]
email = "alice@example.com"
role = "admin"
"""
# Not a literal: the type checker knows no annotated column.
SAID = ("name", "verdict")
Verdicts = Callable[..., dict[str, Verdict]]


@pytest.fixture
def provisioned(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("DEMO_KEY", ACME_KEY)
    with time_machine.travel(ANCHOR, tick=False):
        assert provision(TOLD).status == 0
    return Team.objects.get(slug="acme")


@pytest.fixture
def acme(provisioned: Team) -> Team:
    key = provisioned.api_key
    with time_machine.travel(ANCHOR, tick=False):
        keeping(lambda: past.replay(ANCHOR, KEYS), ANCHOR, f"{key.pk}:{key.generation}")
    return provisioned


@pytest.fixture
def said(acme: Team, settings: Settings) -> Verdicts:
    """Look at the provider some time after the demo is up, and say each volume's verdict."""

    def said(after: timedelta = timedelta()) -> dict[str, Verdict]:
        with time_machine.travel(ANCHOR + after, tick=False):
            with Simulator(World(environments=(), stories=ANCHOR), keys=KEYS) as simulator:
                settings.CLOUDCA_API_URL = simulator.url
                list(refresh(list(acme.environments.select_related("team")), caller=Caller.FORCE))
            environments = list(acme.environments.all())
            found = with_verdicts(volumes_of_team(environments), DataAges.of(environments, timezone.now()))
            return {name: Verdict(verdict) for name, verdict in found.values_list(*SAID)}

    return said


@pytest.mark.proof
def test_each_verdict_is_told_by_a_volume_of_its_own(said: Verdicts) -> None:
    found = said()
    assert set(found.values()) == set(Verdict)
    assert {
        "old-shop-data": Verdict.DELETED,
        "ci-scratch": Verdict.EXCLUDED,
        "billing-db-data": Verdict.NONE,
        "ledger-data": Verdict.LATE,
        "mail-spool": Verdict.LATE,
        "contracts": Verdict.LATE,
        "search-index": Verdict.STUCK,
        "payments-data": Verdict.FAILING,
        "archive": Verdict.UNKNOWN,
        "dev-files": Verdict.UNKNOWN,
        "cart-cache": Verdict.NEW,
        "warehouse-data": Verdict.RUNNING,
        "checkout-db-data": Verdict.FRESH,
    }.items() <= found.items()


@pytest.mark.proof
def test_something_changes_within_two_minutes(said: Verdicts) -> None:
    watched = ("orders-db-data", "reports-data", "legacy-share")
    before, after = said(), said(timedelta(minutes=2))
    assert [before[name] for name in watched] == [Verdict.RUNNING, Verdict.FAILING, Verdict.NONE]
    assert [after[name] for name in watched] == [Verdict.FRESH] * 3
    others = before.keys() - set(watched)
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


@pytest.mark.proof
def test_the_schedules_go_on_for_a_day(said: Verdicts) -> None:
    said()
    found = said(timedelta(hours=22))
    going_on = ("checkout-db-data", "uploads", "product-photos", "web-02-cache-old", "ROOT-48120")
    assert {found[name] for name in going_on} == {Verdict.FRESH}


@pytest.mark.proof
def test_what_the_past_left(acme: Team) -> None:
    """A flag, a volume whose snapshot came while nobody looked, and an environment that is refused since."""
    volumes = Volume.objects.of_team(acme)
    flagged = volumes.filter(fewer_at__isnull=False)
    assert list(flagged.values_list("name", "usable_count")) == [("product-photos", 3)]
    archive = volumes.get(name="archive")
    assert (archive.newest_after, archive.newest_before) == (ANCHOR - timedelta(days=16), ANCHOR - timedelta(days=5))
    dev = acme.environments.get(name="dev")
    assert dev.is_refused
    assert dev.listed_at == ANCHOR - timedelta(hours=3)
    assert Change.objects.filter(environment=dev, kind=Change.Kind.REFUSED).count() == 1


@pytest.mark.proof
@pytest.mark.usefixtures("provisioned")
def test_the_clock_is_put_back_and_all_can_be_forgotten() -> None:
    past.replay(ANCHOR, KEYS)
    assert abs(timezone.now() - datetime.now(UTC)) < timedelta(minutes=1)
    past.forget()
    assert not Environment.everything.exists()
    assert not Policy.objects.exists()
