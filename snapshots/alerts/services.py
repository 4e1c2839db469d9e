"""Send an alert to a chat or paging service, as its own JSON over our webhook's connection.

That connection checks the address, follows no redirect and uses no proxy; a library for such services (Apprise) opens
its own, which does not. Each address or key is a secret: it is stored encrypted, and no message or log has it.

Names in an alert come from outside: what a service reads as a link, a format or a mention is taken from them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.secrets import KeyUnreadable, Secret
from snapshots.alerts.addresses import Refused, Target, target_of
from snapshots.alerts.messages import NotSent, site_url, url_of
from snapshots.alerts.webhook import post
from snapshots.models import Alert, Channel, Delivery, Problem
from snapshots.text import alert_text

Type, Kind = Channel.Type, Problem.Kind
Values = Mapping[str, object]
MOST_SUMMARIZED = 10
# What the services take at most.
MOST_MESSAGE, MOST_SUMMARY, MOST_TITLE = 130, 1024, 250
MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#|~]")
ZERO_WIDTH = "\u200b"
COLOURS = {"bad": "#c0271d", "warn": "#b26a00", "ok": "#1e7b3c", "": "#0b5cad"}
WORST = (Kind.NONE, Kind.REFUSED)
MIDDLE = (Kind.LATE, Kind.SILENT)


@dataclass(frozen=True, slots=True)
class Note:
    """A message in the parts that all services have. `incident`: the same for a beginning and its end."""

    incident: str
    title: str
    text: str
    url: str
    tone: str
    level: int
    is_end: bool
    team: str


class Post(NamedTuple):
    """A request: where to, the document, and what only this service needs in the header."""

    url: str
    document: Values
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Service:
    """`secret`: what the whole secret looks like. `base`: where its API is, if the secret is no address itself."""

    label: str
    type: Channel.Type
    secret: re.Pattern[str]
    hint: str | Promise
    base: str = ""


KEY_HINT = gettext_lazy("Enter the integration key: 32 letters and digits.")
API_KEY_HINT = gettext_lazy("Enter the key of an API integration, such as 12345678-1234-1234-1234-123456789012.")
# Of Mattermost and ntfy the host is the admin's; the outbound rules hold for all.
SERVICES: Mapping[str, Service] = {
    "slack": Service(
        "Slack",
        Type.SLACK,
        re.compile(r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{10,120}"),
        gettext_lazy("Enter the address of an incoming webhook: https://hooks.slack.com/services/…"),
    ),
    "teams": Service(
        "Microsoft Teams",
        Type.TEAMS,
        re.compile(
            r"https://[a-z0-9.-]{1,200}\.(logic\.azure|webhook\.office|api\.powerplatform)\.com(:443)?/[!-~]{10,}"
        ),
        gettext_lazy("Enter the address of a workflow that posts to a channel: https://….logic.azure.com/workflows/…"),
    ),
    "discord": Service(
        "Discord",
        Type.DISCORD,
        re.compile(r"https://((canary|ptb)\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d{5,25}/[\w-]{20,120}", re.A),
        gettext_lazy("Enter the address of a webhook: https://discord.com/api/webhooks/…"),
    ),
    "mattermost": Service(
        "Mattermost",
        Type.MATTERMOST,
        re.compile(r"https://[^/]+(/[\w.-]+)*/hooks/[a-zA-Z0-9]{10,64}", re.A),
        gettext_lazy("Enter the address of an incoming webhook: https://your-server/hooks/…"),
    ),
    "pagerduty": Service(
        "PagerDuty", Type.PAGERDUTY, re.compile(r"[A-Za-z0-9]{32}"), KEY_HINT, "https://events.pagerduty.com"
    ),
    "pagerduty-eu": Service(
        "PagerDuty (EU)", Type.PAGERDUTY, re.compile(r"[A-Za-z0-9]{32}"), KEY_HINT, "https://events.eu.pagerduty.com"
    ),
    "opsgenie": Service(
        "Opsgenie", Type.OPSGENIE, re.compile(r"[0-9a-fA-F-]{36}"), API_KEY_HINT, "https://api.opsgenie.com"
    ),
    "opsgenie-eu": Service(
        "Opsgenie (EU)", Type.OPSGENIE, re.compile(r"[0-9a-fA-F-]{36}"), API_KEY_HINT, "https://api.eu.opsgenie.com"
    ),
    "ntfy": Service(
        "ntfy",
        Type.NTFY,
        re.compile(r"https://[^/]+/[\w-]{1,64}", re.A),
        gettext_lazy("Enter the address of a topic: https://ntfy.sh/…"),
    ),
}


def check(service: Service, secret: str) -> str:
    """Return the part of an address that may be shown: its host. Raises `Refused`, without the secret in it."""
    if not service.secret.fullmatch(secret):
        raise Refused(str(service.hint))
    target: Target = target_of(service.base or secret)
    return f"https://{target.authority}"


def prepare(delivery: Delivery) -> Callable[[], None]:
    """Return what sends it, in a thread without the database. Raises `NotSent`; so does what is returned."""
    channel = delivery.channel
    try:
        secret = channel.secret()
    except KeyUnreadable:
        raise NotSent(_("The stored address or key cannot be read. Enter it again.")) from None
    made = MAKERS[Type(channel.type)](note_of(delivery), secret.reveal(), channel.url)
    body = json.dumps(made.document, ensure_ascii=False, separators=(",", ":")).encode()
    url, headers = Secret(made.url), made.headers
    return lambda: post(url.reveal(), body, headers)


def note_of(delivery: Delivery) -> Note:
    team, alert = delivery.channel.team, delivery.alert
    name = alert_text.shown(team.name, alert_text.MOST_TEAM)
    if alert is not None:
        _mark, tone = alert_text.mark_of(alert)
        return Note(
            incident=f"snapshots-{alert.beginning_id or alert.pk}",
            title=_("[%(team)s] %(title)s") % {"team": name, "title": alert_text.title_of(alert)},
            text="\n".join(alert_text.sentences_of(alert)),
            url=url_of(alert),
            tone=tone,
            level=1 if alert.kind in WORST else 2 if alert.kind in MIDDLE or not alert.kind else 3,
            is_end=alert.event == Alert.Event.ENDED,
            team=name,
        )
    title, text = _("[%(team)s] Test message") % {"team": name}, _("A member of the team asked for this message.")
    if delivery.event == Delivery.Event.SUMMARY:
        alerts, number = delivery.content["alerts"], len(delivery.content["alerts"])
        title = ngettext("[%(team)s] %(n)d more alert", "[%(team)s] %(n)d more alerts", number)
        title, text = title % {"team": name, "n": number}, "\n".join(one["title"] for one in alerts[:MOST_SUMMARIZED])
    return Note(
        incident=f"snapshots-{delivery.key}",
        title=title,
        text=text,
        url=site_url("snapshots:alerts", team),
        tone="",
        level=4,
        is_end=False,
        team=name,
    )


def plain(text: str) -> str:
    """Return a text in Slack's format, in which nothing is a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unmarked(text: str) -> str:
    """Return a text in Markdown that means itself. An address or a mention is broken by a space without width."""
    escaped = MARKDOWN.sub(r"\\\g<0>", text)
    return escaped.replace("@", f"@{ZERO_WIDTH}").replace("://", f":{ZERO_WIDTH}//")


def _slack(note: Note, secret: str, base: str) -> Post:
    blocks: list[Values] = [{"type": "section", "text": {"type": "plain_text", "text": note.title[:MOST_SUMMARY]}}]
    if note.text:
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": note.text[:MOST_SUMMARY]}})
    blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{note.url}|{plain(_('Open alerts'))}>"}})
    return Post(secret, {"text": plain(note.title), "attachments": [{"color": COLOURS[note.tone], "blocks": blocks}]})


def _teams(note: Note, secret: str, base: str) -> Post:
    def line(text: str, **style: str) -> Values:
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}

    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [line(note.title, weight="Bolder"), *(line(each) for each in note.text.splitlines())],
        "actions": [{"type": "Action.OpenUrl", "title": _("Open alerts"), "url": note.url}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return Post(secret, {"type": "message", "attachments": [attachment]})


def _discord(note: Note, secret: str, base: str) -> Post:
    embed = {
        "title": unmarked(note.title)[:MOST_TITLE],
        "description": unmarked(note.text),
        "url": note.url,
        "color": int(COLOURS[note.tone][1:], 16),
    }
    return Post(secret, {"embeds": [embed], "allowed_mentions": {"parse": []}})


def _mattermost(note: Note, secret: str, base: str) -> Post:
    attachment = {
        "fallback": unmarked(note.title),
        "color": COLOURS[note.tone],
        "title": unmarked(note.title),
        "title_link": note.url,
        "text": unmarked(note.text),
    }
    return Post(secret, {"attachments": [attachment]})


def _pagerduty(note: Note, secret: str, base: str) -> Post:
    document: dict[str, object] = {
        "routing_key": secret,
        "event_action": "resolve" if note.is_end else "trigger",
        "dedup_key": note.incident,
    }
    if not note.is_end:
        severity = {1: "critical", 2: "error", 3: "warning"}.get(note.level, "info")
        document["payload"] = {
            "summary": note.title[:MOST_SUMMARY],
            "source": note.team or "snapshots",
            "severity": severity,
            "custom_details": {"text": note.text},
        }
        document["links"] = [{"href": note.url, "text": _("Open alerts")}]
    return Post(f"{base}/v2/enqueue", document)


def _opsgenie(note: Note, secret: str, base: str) -> Post:
    headers = {"Authorization": f"GenieKey {secret}"}
    if note.is_end:
        url = f"{base}/v2/alerts/{note.incident}/close?identifierType=alias"
        return Post(url, {"source": "snapshots", "note": note.title}, headers)
    document = {
        "message": note.title[:MOST_MESSAGE],
        "alias": note.incident,
        "description": f"{note.title}\n{note.text}\n{note.url}",
        "priority": {1: "P1", 2: "P2", 3: "P3"}.get(note.level, "P5"),
        "source": "snapshots",
    }
    return Post(f"{base}/v2/alerts", document, headers)


def _ntfy(note: Note, secret: str, base: str) -> Post:
    parts = urlsplit(secret)
    document = {
        "topic": parts.path.removeprefix("/"),
        "title": note.title,
        "message": note.text or note.title,
        "priority": 2 if note.is_end else {1: 5, 2: 4}.get(note.level, 3),
        "click": note.url,
    }
    return Post(f"{parts.scheme}://{parts.netloc}/", document)


MAKERS: Mapping[Channel.Type, Callable[[Note, str, str], Post]] = {
    Type.SLACK: _slack,
    Type.TEAMS: _teams,
    Type.DISCORD: _discord,
    Type.MATTERMOST: _mattermost,
    Type.PAGERDUTY: _pagerduty,
    Type.OPSGENIE: _opsgenie,
    Type.NTFY: _ntfy,
}
