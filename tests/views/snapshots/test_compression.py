"""A page of rows travels compressed, and is the same page."""

import gzip
import re

import pytest
from django.test import Client

from tests.views.snapshots.conftest import LIST, Fill, record

pytestmark = pytest.mark.django_db
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


def test_a_list_is_compressed_for_who_asks_so(alice_client: Client, fill: Fill) -> None:
    fill([record(number) for number in range(50)])
    plain = alice_client.get(LIST)
    packed = alice_client.get(LIST, headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 5
    assert TOKEN.sub(b"", gzip.decompress(packed.content)) == TOKEN.sub(b"", plain.content)
