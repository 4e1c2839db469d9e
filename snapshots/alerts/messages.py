"""What each channel sends of a delivery: the address of its page, and the document of a webhook."""

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.teams.models import Team
from snapshots.lists.problem_filters import ENDED
from snapshots.lists.problem_list import dom_of
from snapshots.models import Alert, Delivery, Environment, Problem
from snapshots.text.alert_text import title_of

SCHEMA = 1
Values = dict[str, object]


class NotSent(Exception):
    """A message was not sent. Its text is a sentence for people."""


def document_of(delivery: Delivery) -> Values:
    """Return the JSON document of a webhook; `docs/alerts.md` describes it."""
    team = delivery.channel.team
    return {
        "schema": SCHEMA,
        "id": str(delivery.message_id),
        "event": event_of(delivery),
        "time": (delivery.alert.at if delivery.alert else delivery.made_at).isoformat(),
        "team": {"slug": team.slug, "name": team.name},
        **_parts(delivery),
    }


def event_of(delivery: Delivery) -> str:
    if delivery.alert is None:
        return str(delivery.event)
    return f"{'problems' if delivery.alert.kind else 'volumes'}.{delivery.alert.event}"


def _parts(delivery: Delivery) -> Values:
    if delivery.alert is None:
        return dict(delivery.content)
    content = delivery.alert.content
    listed = len(content["problems"])
    return summary_of(delivery.alert) | {"problems": content["problems"], "left_out": int(content["count"]) - listed}


def summary_of(alert: Alert) -> Values:
    """Return an alert in short. Its end has the same incident as its beginning."""
    environment = alert.environment
    return {
        "incident": str(alert.beginning_id or alert.pk),
        "environment": {"service_code": environment.service_code, "name": environment.name},
        "status": alert.code,
        "count": alert.content["count"],
        "title": title_of(alert),
        "url": url_of(alert),
    }


def url_of(alert: Alert) -> str:
    """Return the address of the page that shows it: the volume's, the group on the alerts page, or the changes."""
    environment, problems = alert.environment, alert.content["problems"]
    if len(problems) == 1 and problems[0]["volume"]:
        number = problems[0]["id"]
        return volume_url(environment, problems[0]["volume"]["id"]) + (f"#problem-{number}" if number else "")
    if alert.event == Alert.Event.FEWER:
        return f"{site_url('snapshots:changes', environment.team)}?{urlencode({'environment': environment.path})}"
    return group_url(environment, alert.kind, is_ended=alert.event == Alert.Event.ENDED)


def group_url(environment: Environment, kind: int, *, is_ended: bool = False) -> str:
    """Return the address of a group on the alerts page, or of those of its kind that ended."""
    code = Problem.Kind(kind).code
    shown = {"show": ENDED} if is_ended else {}
    query = urlencode({**shown, "environment": environment.path, "kind": code})
    place = "" if is_ended else "#" + dom_of(environment.path, code)
    return f"{site_url('snapshots:alerts', environment.team)}?{query}{place}"


def volume_url(environment: Environment, volume_id: str) -> str:
    return site_url("snapshots:volume", environment.team, environment.service_code, environment.name, volume_id)


def site_url(view: str, team: Team, *arguments: str) -> str:
    return f"{settings.SITE_URL.rstrip('/')}{reverse(view, args=[team.slug, *arguments])}"
