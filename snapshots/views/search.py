"""The search of the top bar: the closest volumes, instances and snapshots of the team, as a page or as its results."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists import search as lists
from snapshots.lists.params import FilterBase, Links, Reader
from snapshots.lists.search import InstanceMatch, Matches
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.snapshot_list import Line
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.models import Environment, Policy, Volume
from snapshots.rules.taken_time import UNDATED
from snapshots.text import labels, times, verdict_labels
from snapshots.text.labels import Badge, grouped, volume_name
from snapshots.verdicts.sql import DataAges
from snapshots.verdicts.status import status_of, target_of
from snapshots.views.common.data_age import freshness
from snapshots.views.common.list_page import counted
from snapshots.views.common.page_state import nothing_to_list, remember_team

MOST_OFFERED, MOST_ON_PAGE = 3, 20
# A text in pieces, each with whether it is what was searched for.
Marked = Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A row: where it leads, its name, the texts below it and at its right. `kind` and `state` are for scripts."""

    url: str
    state: str
    name: Marked
    about: list[Marked]
    badge: Badge | None = None
    beside: str = ""


@dataclass(frozen=True, slots=True)
class HitGroup:
    """Hits of one kind; `all_url` leads to the list of all, where there are more."""

    kind: str
    title: str
    count_text: str
    hits: list[Hit]
    all_url: str = ""
    all_text: str = ""


@dataclass(frozen=True, slots=True)
class Finder:
    """One search, at one moment."""

    request: MemberRequest
    places: Mapping[int, Environment]
    text: str
    now: datetime
    most: int
    words: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        # Longer words first: of two that begin alike, both are marked whole.
        words = sorted({self.text, *self.text.split()}, key=len, reverse=True)
        object.__setattr__(self, "words", re.compile(f"({'|'.join(map(re.escape, words))})", re.IGNORECASE))

    def groups(self) -> list[HitGroup]:
        team = self.request.team
        environments = list(self.places.values())
        ages = DataAges.of(environments, self.now)
        volumes, instances = lists.find_volumes(environments, self.text, ages, most=self.most)
        snapshots = lists.find_snapshots(team, environments, self.text, self.now, most=self.most)
        return [self._volumes(volumes), self._instances(instances), self._snapshots(snapshots)]

    def closest(self) -> str:
        environments = list(self.places.values())
        ages = DataAges.of(environments, self.now)
        return lists.closest_name(self.request.team, environments, self.text, ages)

    def _volumes(self, found: Matches[Volume]) -> HitGroup:
        policy = Policy.objects.filter(team=self.request.team).first()
        team_hours = policy.target_hours if policy else None
        hits = [self._volume(volume, self.places[volume.environment_id], team_hours) for volume in found.closest]
        total = counted(found.total, is_exact=found.is_exact)
        count_text = ngettext("%(n)s volume", "%(n)s volumes", found.total) % {"n": total}
        all_text = ngettext("All %(n)s volume", "All %(n)s volumes", found.total) % {"n": total}
        return self._group("volumes", _("Volumes"), found, hits, count_text, all_text, VolumeFilters(q=self.text))

    def _instances(self, found: Matches[InstanceMatch]) -> HitGroup:
        hits = [self._instance(match, self.places[match.environment_id]) for match in found.closest]
        total = counted(found.total, is_exact=found.is_exact)
        count_text = ngettext("%(n)s instance", "%(n)s instances", found.total) % {"n": total}
        all_text = ngettext("All %(n)s instance", "All %(n)s instances", found.total) % {"n": total}
        filters = VolumeFilters(q=self.text, group="instance")
        return self._group("instances", _("Instances"), found, hits, count_text, all_text, filters)

    def _snapshots(self, found: Matches[Line]) -> HitGroup:
        lines = [line for line in found.closest if line.environment_id in self.places]
        hits = [self._snapshot(line, self.places[line.environment_id]) for line in lines]
        total = counted(found.total, is_exact=found.is_exact)
        count_text = ngettext("%(n)s snapshot", "%(n)s snapshots", found.total) % {"n": total}
        all_text = ngettext("All %(n)s snapshot", "All %(n)s snapshots", found.total) % {"n": total}
        return self._group("snapshots", _("Snapshots"), found, hits, count_text, all_text, SnapshotFilters(q=self.text))

    def _volume(self, volume: Volume, place: Environment, team_hours: int | None) -> Hit:
        status = status_of(volume, place, now=self.now, target=target_of(volume, place, team_hours))
        name = volume_name(volume.volume_id, volume.name)
        about = [volume.instance_name, place.place, *self._id_of(volume.volume_id, name)]
        url = f"{self._url('volumes')}{place.path}/{volume.volume_id}/"
        state = status.verdict.name.lower()
        return Hit(url, state, self._marked(name), self._about(about), verdict_labels.badge(status))

    def _instance(self, match: InstanceMatch, place: Environment) -> Hit:
        filters = VolumeFilters(environments=(place,), q=match.name, group="instance")
        text = ngettext("%(n)s volume", "%(n)s volumes", match.volumes) % {"n": grouped(match.volumes)}
        guess = _("told by the name of a snapshot alone") if match.is_guess else ""
        return Hit(
            self._link("volumes", filters), "", self._marked(match.name), self._about([place.place, guess]), beside=text
        )

    def _snapshot(self, line: Line, place: Environment) -> Hit:
        key = UNDATED if line.taken_after is None else line.taken_before
        taken = times.taken(line.taken_after, line.taken_before, line.taken_source, key, self.now)
        time = _("%(time)s UTC") % {"time": taken.text} if taken.iso or taken.relative else taken.text
        name = labels.title(line.name, line.snapshot_id)
        volume = volume_name(line.volume_id, line.volume)
        about = [volume, place.place, time, taken.relative, *self._id_of(line.snapshot_id, name)]
        badge = labels.badge(line.state, listed=line.listed, candidate=line.missing_since is not None)
        url = f"{self._url('list')}{place.path}/{line.snapshot_id}/"
        return Hit(url, "listed" if line.listed else "not_listed", self._marked(name), self._about(about), badge)

    def _group(
        self,
        kind: str,
        title: str,
        found: Matches[Volume] | Matches[InstanceMatch] | Matches[Line],
        hits: list[Hit],
        count_text: str,
        all_text: str,
        filters: FilterBase,
    ) -> HitGroup:
        if found.total <= len(hits):
            return HitGroup(kind, title, count_text, hits)
        page = "list" if kind == "snapshots" else "volumes"
        return HitGroup(kind, title, count_text, hits, self._link(page, filters), all_text)

    def _url(self, page: str) -> str:
        return reverse(f"snapshots:{page}", args=[self.request.team.slug])

    def _link(self, page: str, filters: FilterBase) -> str:
        return self._url(page) + Links("", filters).query

    def _id_of(self, found_id: str, name: str) -> Iterator[str]:
        """The id, where it is what was found."""
        if name != found_id and found_id.startswith(self.text.lower()):
            yield found_id

    def _about(self, texts: Iterable[str]) -> list[Marked]:
        return [self._marked(text) for text in texts if text]

    def _marked(self, text: str) -> Marked:
        return [(part, bool(number % 2)) for number, part in enumerate(self.words.split(text)) if part]


@require_safe
def search(request: MemberRequest, team: str) -> HttpResponse:
    """What a text finds, on a page; for htmx the results alone, and fewer of them."""
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request
    environments = Environment.objects.listed_of(request.team)
    now = timezone.now()
    reader = Reader(request.GET, environments)
    text = reader.text("q")
    context: dict[str, object] = {
        "title": _("Search"),
        "search_text": text,
        "problems": reader.problems,
        "empty": nothing_to_list(request.membership, environments),
        "freshness": freshness(environments, now),
        "is_fragment": is_fragment,
    }
    if text:
        most = MOST_OFFERED if is_fragment else MOST_ON_PAGE
        places = {environment.pk: environment for environment in environments}
        context |= _found(Finder(request, places, text, now, most))
    if not is_fragment:
        remember_team(request)
    response = render(request, f"snapshots/search/{'_results' if is_fragment else 'page'}.html", context)
    # Two answers share one address: a cache must not give out one as the other.
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def _found(finder: Finder) -> dict[str, object]:
    groups = finder.groups()
    found = [group for group in groups if group.hits]
    if not found:
        return _nothing(finder)
    volumes, instances, snapshots = (group.count_text for group in groups)
    counts = {"volumes": volumes, "instances": instances, "snapshots": snapshots}
    return {"groups": found, "counts": _("%(volumes)s, %(instances)s, %(snapshots)s") % counts}


def _nothing(finder: Finder) -> dict[str, object]:
    """That nothing was found, and the closest name, if there is one."""
    team, text = finder.request.team, finder.text
    sentence = _("Nothing in %(team)s has this id: %(text)s") if lists.complete_id(text) else ""
    nothing = (sentence or _("Nothing named “%(text)s” in %(team)s")) % {"team": team.name, "text": text}
    closest = finder.closest()
    if not closest:
        return {"nothing": nothing, "counts": nothing}
    question = _("Did you mean “%(name)s”?") % {"name": closest}
    url = f"{reverse('snapshots:search', args=[team.slug])}?{urlencode({'q': closest})}"
    return {"nothing": nothing, "counts": f"{nothing}. {question}", "question": question, "closest_url": url}
