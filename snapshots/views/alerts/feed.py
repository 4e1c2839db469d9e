"""The team's problems as an Atom feed, for whoever has its secret address. It reads no session and no user."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from dashboard import random_secrets
from dashboard.teams.models import Team
from snapshots.models import Feed, Problem
from snapshots.text import problem_groups, problem_labels
from snapshots.text.alert_text import shown
from snapshots.text.labels import volume_name

MOST_ENTRIES = 50


class ProblemFeed(Atom1Feed):
    """The same bytes as long as nothing changed: not even the time of a feed without entries is now."""

    def latest_post_date(self) -> datetime:
        found: datetime = self.feed["changed_at"]
        return found


@csrf_exempt  # it takes no form: a POST is refused as a method that is not allowed
@require_safe
def feed(request: HttpRequest, link: str) -> HttpResponseBase:
    """Answer with the newest problems, confirmed as for alerts, and with 304 to who has them already."""
    found = Feed.objects.alive().select_related("membership__team")
    row = random_secrets.find(found, link, "digest")
    if row is None:
        # No page: one that names the address would be a page with a secret, if only a letter of it is wrong.
        return HttpResponseNotFound(_("There is no such feed."), content_type="text/plain; charset=utf-8")
    body = _document(row.membership.team, row.made_at)
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="application/atom+xml; charset=utf-8")
    answer = get_conditional_response(request, etag=etag, response=response) or response
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _document(team: Team, made_at: datetime) -> bytes:
    problems = _newest(team)
    made = ProblemFeed(
        title=_("Problems of %(team)s") % {"team": shown(team.name)},
        link=_url("snapshots:alerts", team.slug),
        description="",
        language=get_language(),
        feed_guid=f"tag:{settings.SITE_HOST},2026:team-{team.pk}-problems",
        changed_at=max((_changed_at(each) for each in problems), default=made_at),
    )
    for problem in problems:
        _add(made, problem, team)
    return made.writeString("utf-8").encode()


def _newest(team: Team) -> Sequence[Problem]:
    rows = Problem.objects.of_team(team).filter(confirmed_at__isnull=False).select_related("environment", "volume")
    current = rows.current().not_replaced().order_by("-confirmed_at", "-pk")[:MOST_ENTRIES]
    found = [*current, *rows.ended().order_by("-ended_at", "-pk")[:MOST_ENTRIES]]
    return sorted(found, key=lambda each: (_changed_at(each), each.pk), reverse=True)[:MOST_ENTRIES]


def _changed_at(problem: Problem) -> datetime:
    """When it was confirmed, or ended, or became something else."""
    step = datetime.fromisoformat(str(problem.steps[-1][1]))
    return problem.ended_at or max(step, problem.confirmed_at or step)


def _add(made: ProblemFeed, problem: Problem, team: Team) -> None:
    kind, place, volume = Problem.Kind(problem.kind), problem.environment, problem.volume
    at = _changed_at(problem)
    called = shown(volume_name(volume.volume_id, volume.name)) if volume else ""
    name = problem_groups.name(kind, 1, called, shown(place.place))
    # Times are said as of the change, so that they are the same at each request.
    words = {"status": str(kind.label), "name": name, "reason": problem_groups.reason(kind, [problem.facts], place, at)}
    title = _("Ended: %(status)s, %(name)s") if problem.ended_at else _("%(status)s: %(name)s, %(reason)s")
    sentences = [_("Began %(time)s UTC.") % {"time": problem_labels.began(problem, at)}]
    if problem.ended_at:
        sentences += [str(problem_labels.ENDS.get(problem.end, ""))]
    elif volume:
        sentences += [problem_groups.detail([problem.facts], at)]
    url = _url("snapshots:alerts", team.slug)
    if volume:
        url = _url("snapshots:volume", team.slug, place.service_code, place.name, volume.volume_id)
    made.add_item(
        title=title % words,
        link=f"{url}#problem-{problem.pk}" if volume else url,
        description=escape(" ".join(filter(None, sentences))),
        unique_id=f"tag:{settings.SITE_HOST},2026:problem-{problem.pk}",
        pubdate=problem.confirmed_at,
        updateddate=at,
    )


def _url(view: str, *arguments: str) -> str:
    return settings.SITE_URL.rstrip("/") + reverse(view, args=arguments)
