"""The alerts page as its reader meets it."""

from typing import Any

from django.test import Client

from snapshots.models import Environment, Problem
from tests.views.snapshots.reading import Element, tree
from tests.views.volumes.home.steps import volume

ALERTS = "/t/acme/alerts/"


def page_of(client: Client, query: str = "") -> Element:
    answer = client.get(ALERTS + query)
    assert answer.status_code == 200
    return tree(answer)


def section(page: Element, name: str) -> Element | None:
    """The list of a section: "open", "quiet" or "ended"."""
    found = page.all("section", **{"aria-labelledby": f"{name}-title"})
    return found[0] if found else None


def kinds(page: Element, name: str = "open") -> list[str]:
    """The kinds of a section's rows, in order."""
    found = section(page, name)
    return [row.attributes["data-kind"] for row in found.all("li") if "data-kind" in row.attributes] if found else []


def row_of(page: Element, kind: str) -> Element:
    (found,) = [row for row in page.all("li", css="alert") if row.attributes["data-kind"] == kind]
    return found


def is_ticked(row: Element) -> bool:
    return row.one("button", css="tick").attributes["aria-pressed"] == "true"


def fields(form: Element) -> dict[str, str]:
    """What a form would send as it stands."""
    sent = {
        each.attributes["name"]: each.attributes.get("value", "")
        for each in form.all("input")
        if "name" in each.attributes and each.attributes.get("type") != "radio"
    }
    chosen = {
        each.attributes["name"]: each.attributes["value"] for each in form.all("input") if "checked" in each.attributes
    }
    return sent | chosen


def press(client: Client, form: Element, **headers: Any) -> Any:
    """Send a form as it stands."""
    return client.post(form.attributes["action"], fields(form), headers=headers)


def tick(client: Client, kind: str) -> Any:
    return press(client, row_of(page_of(client), kind).one("div", css="alert-tick").one("form"))


def unseen(page: Element) -> str:
    """The number beside the page's name in the header; "" if there is none."""
    (link,) = [each for each in page.one("nav", id="pages").all("a") if each.attributes["href"] == ALERTS]
    found = link.all("span", css="count")
    assert bool(found) == ("aria-label" in link.attributes)
    return found[0].text if found else ""


def problem(name: str) -> Problem:
    return Problem.objects.get(volume=volume(name), ended_at__isnull=True)


def copies_of(name: str, number: int) -> None:
    """More volumes with the same problem."""
    pattern, one = problem(name), volume(name)
    for place in range(number):
        one.pk, one.volume_id, one.name = None, f"{place:08}{one.volume_id[8:]}", f"{name}-{place}"
        one.save()
        pattern.pk, pattern.volume = None, one
        pattern.save()
    Environment.everything.raise_generation()
