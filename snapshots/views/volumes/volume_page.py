"""One volume: its status and reason, its last 30 days, schedules, snapshots and changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.backends.prepared import Prepared
from dashboard.teams.access.guard import MemberRequest, may
from dashboard.teams.models import Membership
from snapshots.lists import volume_history
from snapshots.lists.volume_list import Instance, instance_of
from snapshots.models import Environment, Policy, Volume
from snapshots.policy import deletions
from snapshots.rules.verdict import Verdict
from snapshots.text import times
from snapshots.text.glossary import MEANINGS
from snapshots.text.labels import has_returned, is_excluded, returned_in_words, volume_name
from snapshots.text.verdict_labels import LABELS, badge, beside
from snapshots.text.verdict_reason import why
from snapshots.verdicts.evaluate import created_time
from snapshots.verdicts.sql import DataAges, with_status
from snapshots.verdicts.status import VolumeStatus, status_of, target_of, thresholds_of, verdict_under
from snapshots.views.common.components import Fact, TeamLink
from snapshots.views.common.page_state import age_of_object
from snapshots.views.common.target_form import of_volume
from snapshots.views.common.whole_page import fields_of
from snapshots.views.volumes import volume_sections
from snapshots.views.volumes.problem_line import problem_line
from snapshots.views.volumes.rhythms import suggestion_of
from snapshots.views.volumes.rows import FEWER_SHOWN
from snapshots.views.volumes.strip_svg import legend, shown_strip

POLICY = Prepared(lambda team: Policy.objects.filter(team=team))
WITH_NEWEST = Volume.objects.select_related("newest_usable")
VOLUME = Prepared(lambda environment, volume_id: WITH_NEWEST.filter(environment=environment, volume_id=volume_id))


@dataclass(frozen=True)
class Shown:
    """A volume as its page knows it. Its status is only read when the page is made."""

    page_template: ClassVar[str] = "snapshots/volumes/volume.html"
    refresh_template: ClassVar[str] = "snapshots/ui/_check.html"
    is_lasting: ClassVar[bool] = True

    volume: Volume
    environment: Environment
    policy: Policy | None
    membership: Membership
    now: datetime

    @cached_property
    def status(self) -> VolumeStatus:
        """Raises Http404 if the volume is gone by now."""
        hours = self.policy.target_hours if self.policy else None
        volumes = with_status(WITH_NEWEST.filter(pk=self.volume.pk), DataAges.of([self.environment], self.now))
        volume = get_object_or_404(volumes)
        target = target_of(volume, self.environment, hours)
        return status_of(volume, self.environment, now=self.now, target=target)

    @property
    def name(self) -> str:
        return volume_name(self.volume.volume_id, self.volume.name)

    @property
    def home_url(self) -> str:
        return reverse("snapshots:volumes", args=[self.membership.team.slug])

    @property
    def list_url(self) -> str:
        return reverse("snapshots:list", args=[self.membership.team.slug])

    @property
    def snapshots_url(self) -> str:
        url = f"{self.list_url}?volume_id={self.volume.volume_id}&environment={self.environment.path}"
        return url if self.volume.snapshot_count else f"{url}&listed=no"

    @property
    def changes_url(self) -> str:
        changes = reverse("snapshots:changes", args=[self.membership.team.slug])
        return f"{changes}?volume_id={self.volume.volume_id}&environment={self.environment.path}"

    @property
    def url(self) -> str:
        return self._address("volume")

    @property
    def deleted_url(self) -> str:
        return self._address("volume_deleted")

    @property
    def instance(self) -> Instance:
        newest = self.volume.newest_usable
        return instance_of(self.volume.instance_name, self.volume.name, newest.name if newest else "")

    @property
    def inputs(self) -> object:
        """Every stored value, and what the clock makes of it: which moments have come."""
        volume, environment, now = self.volume, self.environment, self.now
        age, data_at = environment.data_age(now), environment.data_at
        moment = now if age is None or data_at is None else data_at + max(age, timedelta()) + environment.clocks_apart
        thresholds = thresholds_of(volume)
        verdict = verdict_under(thresholds, timedelta(seconds=volume.patience), environment, now)
        have_come = [since is not None and since <= moment for _verdict, since in thresholds.worst_first()]
        until = volume.suggested_until
        have_come.append(until is not None and until <= now)
        are_excluded = [is_excluded(one, now) for one in (volume, environment)]
        return [fields_of(volume), fields_of(environment), fields_of(self.policy), verdict, have_come, are_excluded]

    @property
    def mark(self) -> str:
        """Names what the page shows, so that the next answer can tell whether it changed."""
        volume = self.volume
        moments = (volume.judged_at, volume.missing_since, volume.deleted_at, volume.excluded_until)
        return " ".join(moment.isoformat() if moment else "-" for moment in moments)

    def age_context(self) -> dict[str, object]:
        """How old the page's data is, and how it is refreshed."""
        return age_of_object(self.environment, self.membership, self.now, self.url, self.mark)

    def _address(self, name: str) -> str:
        environment = self.environment
        place = [self.membership.team.slug, environment.service_code, environment.name, self.volume.volume_id]
        return reverse(f"snapshots:{name}", args=place)


def find_shown(request: MemberRequest, environment: Environment, volume_id: str) -> Shown:
    """The volume of an environment of the team. Raises Http404."""
    now = timezone.now()
    volume = VOLUME.first(environment=environment.pk, volume_id=volume_id)
    is_shown = environment.answered_at or Volume.objects.of_environment(environment).exists()
    if volume is None or not is_shown:
        raise Http404
    policy = POLICY.first(team=request.team.pk)
    return Shown(volume, environment, policy, request.membership, now)


def volume_context(shown: Shown) -> dict[str, object]:
    """Everything on a volume's page."""
    volume, environment, now = shown.volume, shown.environment, shown.now
    status = shown.status
    prefix = f"{shown.list_url}{environment.path}/"
    snapshots = volume_history.newest(volume, environment)
    return {
        "title": shown.name,
        "name": shown.name,
        "volume": volume,
        "environment": environment,
        "place": environment.place,
        "instance": shown.instance,
        "crumbs": _crumbs(shown),
        "notes": list(_notes(shown, status)),
        "strip": shown_strip(volume, environment, now),
        "strip_legend": legend(),
        "schedules": volume_sections.schedules(status),
        "ended": volume_sections.ended(status),
        "problems": problem_line(volume, environment, snapshots, now),
        "line": volume_sections.snapshot_line(snapshots, status, prefix),
        "snapshots_url": shown.snapshots_url,
        "snapshots_text": _count_text(volume),
        "left_overs": volume_sections.left_overs(status, prefix),
        "changes_url": shown.changes_url,
        "changes": volume_sections.changes(volume, environment, prefix, shown.changes_url, now),
        "facts": list(_facts(shown)),
        "deletion": _deletion(shown),
        "is_deleted": status.verdict is Verdict.DELETED,
        **verdict_context(shown, status),
        **shown.age_context(),
        **_acts(shown),
        "exclusion": volume_sections.exclusion(volume, environment, now),
        "target": of_volume(volume, environment, shown.policy),
    }


def verdict_context(shown: Shown, status: VolumeStatus) -> dict[str, object]:
    text = why(status)
    if status.verdict is Verdict.DELETED:
        text = _(
            "No run is due for a deleted volume. Its remaining snapshots can be used while the provider lists them."
        )
    return {
        "badge": badge(status),
        "beside": beside(status),
        "why": text,
        "status_name": LABELS[status.verdict],
        "meaning": MEANINGS[status.verdict],
    }


def _acts(shown: Shown) -> dict[str, object]:
    """Whether the person may say something of the volume."""
    may_confirm = may(shown.membership, "snapshots:rhythms", "POST")
    return {
        "may_end_rhythm": may(shown.membership, "snapshots:rhythm_end", "POST"),
        "suggestion": suggestion_of(shown.volume, shown.environment, shown.membership.team.slug)
        if may_confirm
        else None,
        "may_act": may(shown.membership, "snapshots:volume_deleted", "POST"),
        "deleted_url": shown.deleted_url,
        "may_say_deleted": deletions.may_be_said(shown.volume, shown.environment),
        "may_take_back": deletions.may_be_taken_back(shown.volume),
    }


def _crumbs(shown: Shown) -> list[TeamLink]:
    environment = shown.environment
    place_url = f"{shown.home_url}?environment={environment.path}"
    return [TeamLink(_("Volumes"), shown.home_url), TeamLink(environment.place, place_url)]


def _count_text(volume: Volume) -> str:
    number = volume.snapshot_count
    if not number:
        return _("See those no longer listed")
    return ngettext("See %(n)d snapshot", "See all %(n)d snapshots", number) % {"n": number}


def _notes(shown: Shown, status: VolumeStatus) -> Iterator[str]:
    """The banners of the page: a sudden loss, an exclusion that ended."""
    volume, now = shown.volume, shown.now
    if volume.fewer_at is not None and now - volume.fewer_at < FEWER_SHOWN:
        time = times.stamp(volume.fewer_at, now)
        yield _(
            "More than half of the usable snapshots disappeared within a day, by %(time)s UTC: more than rotation "
            "explains. %(n)d left."
        ) % {"time": time, "n": volume.usable_count}
    for thing in (volume, shown.environment):
        if thing.excluded_until is not None and has_returned(thing, now):
            yield f"{thing}: {returned_in_words(thing.excluded_until, now)}."
    if not shown.environment.knows_volumes and status.verdict is not Verdict.DELETED:
        yield _(
            "This key cannot read the provider's list of volumes. Whether this volume still exists, its size and its "
            "instance are unknown."
        )


def _deletion(shown: Shown) -> str:
    """That it is deleted, in a sentence; empty where it is not."""
    volume, now = shown.volume, shown.now
    if volume.deleted_at is None:
        return ""
    left = ngettext("%(n)d snapshot left", "%(n)d snapshots left", volume.snapshot_count)
    text = _("Deleted, %(left)s.") % {"left": left % {"n": volume.snapshot_count}}
    if deletions.may_be_taken_back(volume):
        return f"{text} " + _("Marked as deleted by a member at %(time)s UTC.") % {
            "time": times.stamp(volume.deleted_at, now)
        }
    last = volume.last_seen_at
    if last is None:
        return text
    return f"{text} " + _("Last listed at %(time)s UTC; the provider no longer knows its id.") % {
        "time": times.stamp(last, now)
    }


def _facts(shown: Shown) -> Iterator[Fact]:
    volume, now = shown.volume, shown.now
    yield Fact(_("Id"), volume.volume_id, mono=True)
    yield Fact(_("Environment"), shown.environment.place, url=f"{shown.home_url}?environment={shown.environment.path}")
    yield _instance_fact(shown)
    if volume.from_endpoint:
        yield Fact(_("Size"), "—" if volume.size_in_gb is None else _("%(size)d GB") % {"size": volume.size_in_gb})
        yield Fact(_("Type"), volume.kind or "—")
        yield Fact(_("State"), volume.state or "—")
        yield Fact(_("Zone"), volume.zone_name or "—")
        made = created_time(volume.created)
        yield Fact(_("Created"), f"{times.stamp(made, now)} UTC" if made else volume.created or "—")
    yield Fact(_("Usable"), str(volume.usable_count), extra=_("of %(n)d listed") % {"n": volume.snapshot_count})
    if volume.longest:
        yield Fact(_("Longest run seen"), times.age(timedelta(seconds=volume.longest)))
    yield Fact(_("Listed"), _listed(shown))


def _instance_fact(shown: Shown) -> Fact:
    instance = shown.instance
    if not instance.name:
        return Fact(_("Instance"), _("none") if shown.volume.from_endpoint else _("not known"))
    return Fact(_("Instance"), instance.name, extra=_("? inferred from the snapshot name") if instance.is_guess else "")


def _listed(shown: Shown) -> str:
    """What the volumes endpoint says of it, and as of when."""
    volume, environment, now = shown.volume, shown.environment, shown.now
    if not volume.from_endpoint or environment.volumes_listed_at is None:
        return _("known only from its snapshots")
    if volume.missing_since is not None:
        return _("missing from the list of volumes since %(time)s UTC") % {
            "time": times.stamp(volume.missing_since, now)
        }
    return _("last seen %(time)s UTC") % {"time": times.stamp(environment.volumes_listed_at, now)}
