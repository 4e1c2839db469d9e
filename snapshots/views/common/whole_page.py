"""A page from the cache. What differs in each request replaces marks in it: tokens, and the age of the data.

The key holds every input of the rest: the state of the rows (`kept_part`), the address, the person, the team, and what
the view names in `inputs`. A page that has something else to say (a message, a first fetch, a missing key) is not kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Protocol

from django.contrib import messages
from django.db.models import Model
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Membership
from snapshots.models import Environment
from snapshots.views.common.data_age import as_of
from snapshots.views.common.shell import Shell, shell_of

# What is rendered for each request, and put into the page.
LIVE = {"freshness": "snapshots/ui/_data_age.html", "banners": "snapshots/ui/_banners.html"}
PUT_IN = ("refresh", "form", "token")
MOST_ADDRESS = 2000
KEEP_SECONDS = 120
Context = dict[str, object]


class Page(Protocol):
    """One address of a page.

    `refresh_template`: its form to refresh, rendered for each request as `LIVE` is, from `age_context`. `is_lasting`:
    whether the page says the same until one of its inputs changes. `inputs`: what it depends on beside the state of
    the rows, its address, the person and the team.
    """

    @property
    def page_template(self) -> str: ...
    @property
    def refresh_template(self) -> str: ...
    @property
    def membership(self) -> Membership: ...
    @property
    def is_lasting(self) -> bool: ...
    @property
    def inputs(self) -> object: ...
    def age_context(self) -> Context: ...


@cache
def marks() -> Mapping[str, SafeString]:
    """A mark for each live part and for the token. Nobody can guess one and put it into a name."""
    return {name: SafeString(salted_hmac("page mark", name).hexdigest()) for name in (*LIVE, *PUT_IN)}


def whole_page(
    request: MemberRequest,
    page: Page,
    saved: Context,
    make: Callable[[], Context],
    keep: Callable[[Callable[[], str], object], str],
    form_id: str = "",
) -> HttpResponse:
    """Answer with the page, from the cache if nothing that it shows has changed.

    `saved`: what its context has from other rows than its own; `make` gives the rest of the context; `keep` caches a
    text for its rows and inputs; `form_id` is put in for its mark.
    """
    shell = shell_of(request)

    def render() -> str:
        fixed = {"shell": shell, "live": marks(), "csrf_token": marks()["token"]}
        return render_to_string(page.page_template, make() | saved | fixed, request)

    if page.is_lasting and len(request.get_full_path()) <= MOST_ADDRESS and not len(messages.get_messages(request)):
        html = keep(render, _inputs(request, page, saved, shell))
    else:
        html = render()
    age = page.age_context()
    for name, template in (LIVE | {"refresh": page.refresh_template}).items():
        html = html.replace(marks()[name], render_to_string(template, age, request))
    return HttpResponse(html.replace(marks()["form"], form_id).replace(marks()["token"], get_token(request)))


class ObjectPage(Page, Protocol):
    """The page of one object of an environment."""

    @property
    def environment(self) -> Environment: ...
    @property
    def now(self) -> datetime: ...


def keep_of_object(what: str, page: ObjectPage, make: Callable[[], str], inputs: object) -> str:
    """Make a page once for each state of the data in a minute, as ages are relative."""
    environment, minute = page.environment, int(page.now.timestamp()) // 60
    state = (environment.rows_version, as_of(environment, page.now), minute, get_language())
    return kept(key_of(what, page.membership.team_id, (state, inputs)), str, make, seconds=KEEP_SECONDS)


def fields_of(row: Model | None) -> dict[str, object]:
    """The columns and annotations of a row, but for the clock's."""
    return {name: value for name, value in vars(row).items() if name not in ("_state", "provider_now")} if row else {}


def _inputs(request: MemberRequest, page: Page, saved: Context, shell: Shell) -> object:
    member = page.membership
    person = (member.user_id, shell.user_name, request.user.email, member.role, member.choices)
    visits = (member.seen_until, member.visited_at)
    return (request.get_full_path(), person, visits, saved, shell.teams, shell.pages, page.inputs)
