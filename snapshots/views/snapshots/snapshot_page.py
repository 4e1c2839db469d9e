"""One snapshot: what it is, whether it can be used, whether there is a newer one, how to use it, facts, raw record."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.backends.prepared import Prepared
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership
from dashboard.teams.models.keys import key_of
from snapshots.api.operations import ROOT
from snapshots.models import Environment, Snapshot, Volume
from snapshots.rules import states
from snapshots.text import labels
from snapshots.text import times as words
from snapshots.text.labels import Badge, volume_name
from snapshots.text.times import Taken
from snapshots.views.common.components import Fact, TeamLink
from snapshots.views.common.data_age import as_of, freshness
from snapshots.views.common.objects import find_environment
from snapshots.views.common.page_state import age_of_object, remember_team
from snapshots.views.common.whole_page import fields_of, keep_of_object, marks, whole_page
from snapshots.views.sharing.panel import share_panel
from snapshots.views.snapshots.timeline import life, volume_line
from snapshots.views.snapshots.usable import verdict

# The fields of the provider's documentation: each has a line on the page.
DOCUMENTED = frozenset({"id", "name", "state", "intervalType", "volumeId", "volume", "volumeType"})
MOST_FURTHER, MOST_NAME, MOST_VALUE = 20, 40, 255
CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")


SNAPSHOT = Prepared(
    lambda environment, snapshot_id: Snapshot.objects.filter(
        environment=environment, snapshot_id=snapshot_id, environment__half_written_since__isnull=True
    )
)
VOLUME = Prepared(lambda environment, volume_id: Volume.objects.filter(environment=environment, volume_id=volume_id))


@dataclass(frozen=True, slots=True)
class Shown:
    """A snapshot as its page knows it."""

    page_template: ClassVar[str] = "snapshots/snapshots/snapshot.html"
    refresh_template: ClassVar[str] = "snapshots/ui/_check.html"
    is_lasting: ClassVar[bool] = True

    snapshot: Snapshot
    environment: Environment
    volume: Volume | None
    membership: Membership
    now: datetime

    @property
    def list_url(self) -> str:
        return reverse("snapshots:list", args=[self.membership.team.slug])

    @property
    def url(self) -> str:
        return f"{self.list_url}{self.environment.path}/{self.snapshot.snapshot_id}/"

    @property
    def taken(self) -> Taken:
        one = self.snapshot
        return words.taken(one.taken_after, one.taken_before, one.taken_source, one.taken_key, self.now)

    @property
    def badge(self) -> Badge:
        one = self.snapshot
        return labels.badge(one.state, listed=one.listed, candidate=one.is_candidate)

    @property
    def volume_page_url(self) -> str:
        """The volume's own page; the list of what has no volume where it has none."""
        if self.volume is None:
            return self.volume_url
        home = reverse("snapshots:volumes", args=[self.membership.team.slug])
        return f"{home}{self.environment.path}/{self.volume.volume_id}/"

    @property
    def volume_url(self) -> str:
        return f"{self.list_url}?volume_id={self.snapshot.volume_id or 'none'}"

    @property
    def inputs(self) -> object:
        return [fields_of(one) for one in (self.snapshot, self.environment, self.volume)]

    def age_context(self) -> dict[str, object]:
        """How old the page's data is, and how it is refreshed."""
        environment, now = self.environment, self.now
        url = check_url(self.membership.team.slug, environment, self.snapshot.snapshot_id)
        return age_of_object(environment, self.membership, now, url, mark_of(self.snapshot))


@require_safe
def snapshot_detail(
    request: MemberRequest, team: str, service_code: str, environment_name: str, snapshot_id: str
) -> HttpResponse:
    """A snapshot's page; for an id that the mirror does not have, a page that can ask the provider."""
    environment = find_environment(request, service_code, environment_name)
    remember_team(request)
    shown = find_shown(request, environment, snapshot_id)
    if shown is None:
        return not_mirrored(request, environment, snapshot_id)
    panel = share_panel(request, shown.snapshot, environment.path, shown.now)
    form_id = panel.form_id if panel else ""
    marked = replace(panel, form_id=marks()["form"]) if panel and form_id else panel
    keep = partial(keep_of_object, "snapshot", shown)
    return whole_page(request, shown, {"share": marked}, partial(snapshot_context, shown), keep, form_id)


def find_shown(request: MemberRequest, environment: Environment, snapshot_id: str) -> Shown | None:
    snapshot = SNAPSHOT.first(environment=environment.pk, snapshot_id=snapshot_id)
    if snapshot is None:
        return None
    volume = VOLUME.first(environment=environment.pk, volume_id=snapshot.volume_id) if snapshot.volume_id else None
    return Shown(snapshot, environment, volume, request.membership, timezone.now())


def not_mirrored(request: MemberRequest, environment: Environment, snapshot_id: str) -> HttpResponse:
    """404 at once, in the team's own frame: the id may exist, only our copy does not have it."""
    if key_of(request.team) is None:
        raise Http404
    now = timezone.now()
    seen = environment.answered_at
    title = _("Not in our copy of %(time)s") % {"time": words.clock(seen, now)} if seen else _("Not in our copy yet")
    context = {
        "title": title,
        "snapshot_id": snapshot_id,
        "place": environment.place,
        "list_url": reverse("snapshots:list", args=[request.team.slug]),
        "check_url": check_url(request.team.slug, environment, snapshot_id),
        "freshness": freshness([environment], now),
    }
    return render(request, "snapshots/snapshots/not_mirrored.html", context, status=404)


def check_url(team_slug: str, environment: Environment, snapshot_id: str) -> str:
    return reverse("snapshots:check", args=[team_slug, environment.service_code, environment.name, snapshot_id])


def mark_of(snapshot: Snapshot) -> str:
    """Names what a page shows of a snapshot, so that the next answer can tell whether it changed."""
    return (
        f"{snapshot.changed_at.isoformat()} {snapshot.listed} {snapshot.missing_since or ''} {bool(snapshot.found_at)}"
    )


def snapshot_context(shown: Shown, *, confirmed: bool = False) -> dict[str, object]:
    """Everything on a snapshot's page; `confirmed` as in `verdict`."""
    snapshot, environment, now = shown.snapshot, shown.environment, shown.now
    address = settings.SITE_URL.rstrip("/") + shown.url
    return {
        "title": labels.title(snapshot.name, snapshot.snapshot_id),
        "name": labels.title(snapshot.name, snapshot.snapshot_id),
        "badge": shown.badge,
        "taken": shown.taken,
        "crumbs": _crumbs(shown),
        "verdict": verdict(snapshot, environment, shown.list_url, now, confirmed=confirmed),
        "gone": _gone(snapshot, now),
        "notes": _notes(shown),
        "facts": _facts(shown),
        "raw": _pretty(snapshot.raw),
        "raw_at": words.stamp(snapshot.changed_at, now),
        "own_curl": _own_curl(environment, snapshot),
        "curl": _curl(environment, snapshot),
        "snapshot_id": snapshot.snapshot_id,
        "address": address,
        "as_text": _as_text(shown, address),
        "volume_line": volume_line(shown.snapshot, environment, shown.list_url, now),
        "volume_list_url": shown.volume_url,
        "life": life(snapshot, environment, now),
        **shown.age_context(),
    }


def _crumbs(shown: Shown) -> list[TeamLink]:
    environment, snapshot = shown.environment, shown.snapshot
    name = volume_name(snapshot.volume_id, shown.volume.name if shown.volume else snapshot.volume)
    return [
        TeamLink(_("Snapshots"), shown.list_url),
        TeamLink(environment.place, f"{shown.list_url}?environment={environment.path}"),
        TeamLink(name, shown.volume_page_url),
    ]


def _gone(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.listed or snapshot.missing_since is None:
        return ""
    last, since = snapshot.last_seen_at, snapshot.missing_since
    if last is None:
        return _("The provider has not listed this snapshot since %(since)s UTC. Assume it cannot be used.") % {
            "since": words.stamp(since, now)
        }
    times = {"last": words.stamp(last, now), "since": words.stamp(since, now)}
    if times["last"] == times["since"]:
        return _("The provider stopped listing this snapshot at %(since)s UTC. Assume it cannot be used.") % times
    return (
        _("The provider stopped listing this snapshot between %(last)s and %(since)s UTC. Assume it cannot be used.")
        % times
    )


def _notes(shown: Shown) -> list[str]:
    notes = []
    if shown.snapshot.is_candidate and shown.snapshot.missing_since:
        notes.append(
            _(
                "The provider left it out at %(time)s UTC. Whether it is gone is not known yet: "
                "do not rely on it until then."
            )
            % {"time": words.stamp(shown.snapshot.missing_since, shown.now)}
        )
    if shown.snapshot.found_at:
        text = _("It is missing from the provider's lists, but the provider still answered for it at %(time)s UTC.")
        notes.append(text % {"time": words.stamp(shown.snapshot.found_at, shown.now)})
    if states.kind_of(shown.snapshot.state) is states.Kind.UNKNOWN:
        notes.append(_("The provider gives a state that this dashboard does not know: it may be usable or not."))
    return notes


def _facts(shown: Shown) -> list[Fact]:
    snapshot, environment, volume = shown.snapshot, shown.environment, shown.volume
    type_word = states.type_label(snapshot.interval_type)
    raw_type = f"{type_word} ({snapshot.interval_type})" if snapshot.interval_type else type_word
    volume_word = volume_name(snapshot.volume_id, volume.name if volume else snapshot.volume)
    facts = [
        Fact(_("Id"), snapshot.snapshot_id, mono=True),
        Fact(_("State"), snapshot.state or "—"),
        Fact(_("Type"), raw_type),
        Fact(_("Taken"), shown.taken.exact or shown.taken.text, extra=shown.taken.origin),
        Fact(_("Volume"), volume_word, url=shown.volume_page_url, extra=_of_instance(volume)),
        Fact(_("Volume id"), snapshot.volume_id or "—", mono=True),
        Fact(_("Volume type"), snapshot.volume_type or "—"),
        Fact(_("Environment"), environment.place, url=f"{shown.list_url}?environment={environment.path}"),
        Fact(_("Listed"), _listed(shown)),
    ]
    if volume and volume.size_in_gb is not None:
        facts.insert(6, Fact(_("Volume size"), _("%(size)d GB") % {"size": volume.size_in_gb}))
    return [*facts, *_further_facts(snapshot.raw)]


def _further_facts(raw: str) -> Iterator[Fact]:
    """What the provider's record says beside the documented fields, such as zoneName or size: plain values only."""
    try:
        record = json.loads(raw)
    except ValueError:
        return
    if not isinstance(record, dict):
        return
    further = {name: value for name, value in record.items() if name not in DOCUMENTED and value not in (None, "")}
    for name, value in [*further.items()][:MOST_FURTHER]:
        if isinstance(value, str | int | float):
            text = value if isinstance(value, str) else json.dumps(value)
            yield Fact(_as_words(name)[:MOST_NAME], text[:MOST_VALUE])


def _as_words(name: str) -> str:
    """A field's name for a label: "zoneName" becomes "Zone name"."""
    words_of = CAPITAL.sub(lambda match: f" {match[0].lower()}", name)
    return words_of[:1].upper() + words_of[1:]


def _of_instance(volume: Volume | None) -> str:
    return _("of %(instance)s") % {"instance": volume.instance_name} if volume and volume.instance_name else ""


def _listed(shown: Shown) -> str:
    snapshot, now = shown.snapshot, shown.now
    first = _("first seen %(time)s UTC") % {"time": words.stamp(snapshot.first_seen_at, now)}
    confirmed = snapshot.found_at or snapshot.last_seen_at or shown.environment.listed_at
    if confirmed is None:
        return first
    # No age: the page is kept for a minute, and the age of the data stands above it.
    last = _("last confirmed %(time)s UTC") % {"time": words.clock(max(confirmed, snapshot.first_seen_at), now)}
    return f"{first} · {last}"


def _pretty(raw: str) -> str:
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        return raw


def _own_curl(environment: Environment, snapshot: Snapshot) -> str:
    """The same call to this dashboard's API, which has what the newest list has; empty for any other."""
    if not snapshot.listed or snapshot.missing_since:
        return ""
    url = f"{settings.SITE_URL.rstrip('/')}{ROOT}/services/{environment.path}/snapshots/{snapshot.snapshot_id}"
    return f'curl -H "MC-Api-Key: $TOKEN" "{url}"'


def _curl(environment: Environment, snapshot: Snapshot) -> str:
    """The provider's own retrieve call, with a placeholder where the key goes."""
    base = settings.CLOUDCA_API_URL.rstrip("/")
    return f'curl -H "MC-Api-Key: $MC_API_KEY" "{base}/services/{environment.path}/snapshots/{snapshot.snapshot_id}"'


def _as_text(shown: Shown, address: str) -> str:
    """Name, state, taken, address: what a ticket needs."""
    snapshot = shown.snapshot
    state = shown.badge.word if shown.badge.word == snapshot.state else f"{shown.badge.word} ({snapshot.state})"
    old = as_of(shown.environment, shown.now)
    lines = [
        labels.title(snapshot.name, snapshot.snapshot_id),
        f"{_('State')}: {state}" + (f", {old} UTC" if old else ""),
        f"{_('Taken')}: {shown.taken.exact or shown.taken.text + ' UTC'} ({shown.taken.origin})",
        address,
    ]
    return "\n".join(lines)
