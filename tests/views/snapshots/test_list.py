import pytest
from django.test import Client

from tests.views.snapshots.conftest import Fill, record

LIST = "/t/acme/snapshots/"


@pytest.mark.django_db
def test_the_list_shows_every_snapshot_of_the_team(alice_client: Client, fill: Fill) -> None:
    fill([record(number) for number in range(3)])
    page = alice_client.get(LIST)
    assert page.status_code == 200
    assert page.content.count(b"web-01_ROOT-35545_") >= 3
    assert "3 snapshots" in page.content.decode()
