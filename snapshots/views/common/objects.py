"""Find what a request names within its team, and the page it came from."""

from collections.abc import Sequence
from datetime import datetime

from django.http import Http404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from dashboard.backends.prepared import Prepared
from dashboard.teams.access.guard import MemberRequest
from snapshots.models import Environment, Volume

MOST_DIGITS = 18
ENVIRONMENT = Prepared(
    lambda team, service_code, name: Environment.objects.filter(team=team, service_code=service_code, name=name)
)


def back_to(request: MemberRequest) -> str:
    """The page of this team that the person came from; its volumes where that is not told, or is anywhere else."""
    home = reverse("snapshots:team_home", args=[request.team.slug])
    page = request.POST.get("back") or request.GET.get("back") or home
    return page if page.startswith(home) and url_has_allowed_host_and_scheme(page, allowed_hosts=None) else home


def undo_tag(at: datetime) -> str:
    """The tag of a message that has a button to undo the act of this time."""
    return at.isoformat()


def volume_of(request: MemberRequest, text: str) -> Volume | None:
    pks = numbers([text])
    return Volume.objects.of_team(request.team).filter(pk__in=pks).first()


def numbers(texts: Sequence[str]) -> list[int]:
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS]


def find_environment(request: MemberRequest, service_code: str, name: str) -> Environment:
    environment = ENVIRONMENT.first(team=request.team.pk, service_code=service_code, name=name)
    if environment is None:
        raise Http404
    environment.team = request.team
    return environment


def environment_of(request: MemberRequest, path: str) -> Environment | None:
    """Find one of the team's few; what was sent never gets to the database, which takes no NUL."""
    found: Environment | None = next((each for each in request.team.environments.all() if each.path == path), None)
    return found
