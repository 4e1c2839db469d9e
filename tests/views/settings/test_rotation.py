"""The encryption key is replaced: every stored key is re-encrypted, consistently and unnoticed."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from pytest_django import Settings

from dashboard.secrets import Secret, is_same, reseal, seal_webhook_secret
from dashboard.teams.core import reencrypt
from dashboard.teams.core.reencrypt import Rotated, rotate_keys
from dashboard.teams.models import ApiKey, PendingKey, Team
from snapshots.cloudca.records import Listing
from snapshots.models import Channel, Environment
from snapshots.simulator.server import Simulator
from snapshots.sync.store_snapshots import store_listing
from tests.management.steps import run
from tests.views.settings.steps import OLD_KEY, WORKING_KEY, enter, is_used, save
from tests.views.snapshots.conftest import NOW, claimed

pytestmark = pytest.mark.django_db
NEWEST = Fernet.generate_key().decode()


@pytest.fixture
def teams(team: Team, rival: Team) -> list[Team]:
    """Two teams, whose keys are encrypted with what is the old key of the ring a moment later."""
    for number, each in enumerate((team, rival)):
        ApiKey.replace(each, Secret(f"{OLD_KEY}{number}"))
    return [team, rival]


@pytest.fixture
def ring(teams: list[Team], settings: Settings) -> SimpleNamespace:
    """Put the newest key in front; `drop_old` takes the old one away, as the operator does in the end."""
    old = list(django_settings.API_KEY_ENCRYPTION_KEYS)
    settings.API_KEY_ENCRYPTION_KEYS = [NEWEST, *old]

    def drop_old() -> None:
        settings.API_KEY_ENCRYPTION_KEYS = [NEWEST]

    return SimpleNamespace(drop_old=drop_old)


def test_the_secrets_of_webhooks_too(teams: list[Team], ring: SimpleNamespace) -> None:
    sealed = seal_webhook_secret(Secret("CANARY-of-a-webhook"), team_pk=teams[0].pk)
    channel = Channel.objects.create(team=teams[0], type="webhook", sealed=sealed)
    assert rotate_keys().current == 1
    ring.drop_old()
    assert is_same(channel.secret(), Secret("CANARY-of-a-webhook"))


@pytest.mark.both_databases
def test_all_are_encrypted_with_the_newest_and_a_second_run_changes_none(
    teams: list[Team], ring: SimpleNamespace
) -> None:
    before = list(ApiKey.objects.order_by("pk").values("generation", "changed_at", "last_signs"))
    assert run("rotate_keys").lines == ["2 keys re-encrypted, 0 already current."]
    assert run("rotate_keys").lines == ["0 keys re-encrypted, 2 already current."]
    assert list(ApiKey.objects.order_by("pk").values("generation", "changed_at", "last_signs")) == before
    ring.drop_old()
    assert [is_used(team, f"{OLD_KEY}{number}") for number, team in enumerate(teams)] == [True, True]


@pytest.mark.both_databases
def test_stopped_in_the_middle_it_goes_on_from_there(
    ring: SimpleNamespace, teams: list[Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = reseal, list[str]()

    def stopping(sealed: str) -> str | None:
        calls.append(sealed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(sealed)

    monkeypatch.setattr(reencrypt, "reseal", stopping)
    with pytest.raises(KeyboardInterrupt):
        rotate_keys()
    assert [is_used(team, f"{OLD_KEY}{number}") for number, team in enumerate(teams)] == [True, True]
    assert rotate_keys() == Rotated(changed=1, current=1)


@pytest.mark.both_databases
def test_a_key_replaced_meanwhile_is_not_put_back(ring: SimpleNamespace, team: Team) -> None:
    met: list[str] = []

    def replace_first(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith('UPDATE "teams_apikey"') and not met:
            met.append(sql)
            ApiKey.replace(team, Secret(WORKING_KEY))
        return execute(sql, *rest)

    with connection.execute_wrapper(replace_first):
        assert rotate_keys() == Rotated(changed=1, current=1)
    assert (len(met), is_used(team, WORKING_KEY)) == (1, True)


@pytest.mark.both_databases
def test_a_sync_under_way_is_not_refused_its_write(ring: SimpleNamespace, teams: list[Team]) -> None:
    environment = Environment.objects.create(team=teams[0], service_code="compute-on", name="prod")
    held = claimed(environment)
    assert rotate_keys().changed == 2
    assert held.key.holds(Secret(f"{OLD_KEY}0"))
    store_listing(held, Listing((), 0, 0, 0, 0, 0, body_hash=""), received_at=NOW)
    environment.refresh_from_db()
    assert environment.listed_at is not None


@pytest.mark.both_databases
@pytest.mark.usefixtures("environments")
def test_a_tried_key_may_be_saved_after_it(
    ring: SimpleNamespace, alice_client: Client, sim: Simulator, team: Team, settings: Settings
) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = settings.API_KEY_ENCRYPTION_KEYS[1:]
    page = enter(alice_client, WORKING_KEY)
    settings.API_KEY_ENCRYPTION_KEYS = [NEWEST, *settings.API_KEY_ENCRYPTION_KEYS]
    assert (PendingKey.objects.count(), rotate_keys()) == (1, Rotated(changed=3))
    ring.drop_old()
    save(alice_client, page)
    assert is_used(team, WORKING_KEY)


@pytest.mark.both_databases
def test_one_that_no_key_opens_is_left_and_counted(ring: SimpleNamespace, team: Team) -> None:
    ApiKey.objects.filter(team=team).update(sealed="damaged")
    ran = run("rotate_keys")
    assert (ran.status, ran.lines) == (1, ["1 key re-encrypted, 0 already current."])
    assert ran.err == "1 key cannot be decrypted; enter it again."
    assert ApiKey.objects.get(team=team).sealed == "damaged"


@pytest.mark.both_databases
def test_without_a_ring_it_says_so(ring: SimpleNamespace, settings: Settings) -> None:
    settings.API_KEY_ENCRYPTION_KEYS = []
    ran = run("rotate_keys")
    assert (ran.status, "API_KEY_ENCRYPTION_KEYS is not set" in ran.err) == (1, True)
