"""The verdicts of a team's volumes, and what its pages offer."""

from collections import Counter

from django.test import Client
from django.utils import timezone

from dashboard.teams.models import AuditEvent, Team
from snapshots.models import Environment, Volume
from snapshots.rules.verdict import Verdict
from tests.conftest import Answer
from tests.verdicts.current import values_at
from tests.views.snapshots.reading import tree

HOME = "/t/acme/"
TARGETS = f"{HOME}settings/targets/"
EXCLUSIONS = f"{HOME}settings/exclusions/"
EXCLUDE = f"{HOME}volumes/exclude/"
RESUME = f"{HOME}volumes/resume/"
STOPPED = f"{HOME}volumes/stopped/"


def verdicts(team: Team) -> dict[str, Verdict]:
    """The verdict of each volume now, by its name."""
    environments = list(Environment.objects.of_team(team))
    return {name: Verdict(said) for name, said in values_at(timezone.now(), environments, "name", "verdict")}


def counted(team: Team) -> Counter[Verdict]:
    return Counter(verdicts(team).values())


def pk(number: int) -> int:
    return Volume.objects.get(name=f"disk-{number}").pk


def audited() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "target", "detail"))


def headings(page: Answer) -> list[str]:
    return [each.text for each in tree(page).one("main").all("h2")]


def said(page: Answer) -> list[str]:
    return [line.one("p").text for shown in tree(page).all("ul", css="messages") for line in shown.all("li")]


def undo(client: Client, page: Answer) -> Answer:
    """Press the button of the message that says what was done."""
    (form,) = tree(page).one("ul", css="messages").all("form")
    hidden = {field.attributes["name"]: field.attributes["value"] for field in form.all("input", type="hidden")}
    return client.post(form.attributes["action"], hidden, follow=True)


def errors(page: Answer) -> list[str]:
    return [error.text for error in tree(page).all(css="form-error")]


def exclude(client: Client, query: str, number: int, *, follow: bool = True, **values: str) -> Answer:
    """Exclude what a query string names, until a day unless told otherwise."""
    form = {"number": str(number), "reason": "lab machines", "ends": "day", "until": "2026-12-03"} | values
    return client.post(f"{EXCLUDE}?{query}", form, follow=follow)
