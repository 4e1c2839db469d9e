"""No page shows what was made of rows that a restore has undone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.test import Client

from snapshots.models import Volume
from tests.views.snapshots.conftest import HTMX, Fill, clock, environment, fill, key, record
from tests.views.snapshots.reading import Response, by_id

__all__ = ["clock", "environment", "fill", "key"]
pytestmark = pytest.mark.django_db
PAGES = ("/t/acme/snapshots/", "/t/acme/volumes/", "/t/acme/changes/", "/t/acme/snapshots/?q=web")


@contextmanager
def undone() -> Iterator[None]:
    """Go back to the rows of before, as a restore does; caches and counters of time know nothing of it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def generation_in(page: Response) -> str:
    return by_id(page, "refresh-follow").one("input", name="generation").attributes["value"]


@pytest.mark.parametrize("page", PAGES)
def test_a_cached_table_of_rows_that_were_undone_is_not_shown(alice_client: Client, fill: Fill, page: str) -> None:
    fill([record(1)])
    with undone():
        fill([record(1), record(2, name="undone-name", volume="undone-name", volume_id="")])
        assert alice_client.get(page).status_code == 200
    fill([record(1), record(3, name="kept-name", volume="kept-name", volume_id="")])
    assert b"undone-name" not in alice_client.get(page).content


def test_an_open_page_hears_of_rows_that_were_undone(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    with undone():
        fill([record(1), record(2)])
        shown = generation_in(alice_client.get(PAGES[0]))
    fill([record(1), record(3)])
    answer = alice_client.post(f"{PAGES[0]}refresh/", {"auto": "1", "generation": shown}, headers=HTMX)
    assert by_id(answer, "news").text == "List has changed (1). Reload"


def test_an_act_after_a_restore_is_another_generation(alice_client: Client, fill: Fill) -> None:
    fill([record(1)])
    target = {"hours": "24", "volume": str(Volume.objects.get().pk)}
    versions = []
    for _again in range(2):
        with undone():
            alice_client.post("/t/acme/settings/targets/", target)
            versions.append(Volume.objects.get().environment.rows_version)
    assert versions[0] != versions[1]
