"""What one look at the product under one fault shows, and the table of all looks."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypedDict

from django.apps import apps
from django.test import Client
from django.utils import timezone

from snapshots.models import Environment
from tests.views.snapshots.asking import press
from tests.views.snapshots.conftest import LIST
from tests.views.snapshots.reading import Response, banners, freshness, rows

KEY = "CANARY-7d1f-key-of-acme"
TABLE = "weather"
LINES = "weather lines"
PAGE_SIZE = "?page_size=100"


class Figures(TypedDict):
    """What travels from a test to the table."""

    answered: bool
    lost: int
    stale: bool
    labelled: bool
    keys: int
    refresh: float
    page: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """The refresh's answer and the page after it.

    Times are in seconds. `stale`: no complete list came at this time of the stopped clock. `keys`: places that hold
    the key.
    """

    statuses: tuple[int, int]
    before: int
    shown: int
    banners: list[str]
    tone: str
    age: str
    stale: bool
    keys: int
    refresh_seconds: float
    page_seconds: float

    @property
    def lost(self) -> int:
        return max(0, self.before - self.shown)

    @property
    def is_labelled(self) -> bool:
        """Whether the page itself says that its data is not what the provider says now."""
        told = "from 12:00 UTC" in self.age if self.before else self.age.endswith("Nothing could be fetched yet")
        return self.tone != "ok" and told and bool(self.banners)

    def figures(self) -> Figures:
        return Figures(
            answered=self.statuses == (200, 200),
            lost=self.lost,
            stale=self.stale,
            labelled=self.tone != "ok" and bool(self.banners),
            keys=self.keys,
            refresh=self.refresh_seconds,
            page=self.page_seconds,
        )


def look(client: Client, before: int, told: Callable[[], str]) -> Look:
    """Press the button, then open the page; `told` gives what the program has written out."""
    answer, refresh_seconds = timed(lambda: press(client))
    page, page_seconds = timed(lambda: client.get(LIST + PAGE_SIZE))
    tone, age = freshness(page)
    return Look(
        statuses=(answer.status_code, page.status_code),
        before=before,
        shown=len(rows(page)),
        banners=banners(page),
        tone=tone,
        age=age,
        stale=not Environment.objects.filter(listed_at=timezone.now()).exists(),
        keys=sum(holds_key(place) for place in (answer.content, page.content, told().encode(), stored())),
        refresh_seconds=refresh_seconds,
        page_seconds=page_seconds,
    )


def timed(ask: Callable[[], Response]) -> tuple[Response, float]:
    began = perf_counter()
    return ask(), perf_counter() - began


def stored() -> bytes:
    """Every value of every row of the database."""
    tables = [model._base_manager.values_list() for model in apps.get_models()]
    return repr([list(table) for table in tables]).encode()


def holds_key(place: bytes) -> bool:
    """Whether the text contains the key: plain, reversed, in base64, in hex, or its beginning."""
    plain = KEY.encode()
    forms = (plain, plain[::-1], b64encode(plain).rstrip(b"=")[:-1], plain.hex().encode(), plain[:12])
    return any(form in place for form in forms)


def summed(figures: Sequence[Figures]) -> list[str]:
    """Return the table's lines."""
    answered = sum(each["answered"] for each in figures)
    unlabelled = sum(each["stale"] and not each["labelled"] for each in figures)
    return [
        "",
        "Provider faults, each without and with old rows",
        f"  answered with a page     {answered:>6} of {len(figures)}",
        f"  rows lost                {sum(each['lost'] for each in figures):>6}",
        f"  old data without a label {unlabelled:>6}",
        f"  places with the key      {sum(each['keys'] for each in figures):>6}",
        f"  slowest page             {max(each['page'] for each in figures):>6.2f} s",
        f"  slowest refresh          {max(each['refresh'] for each in figures):>6.2f} s, of a budget cut for the tests",
    ]
