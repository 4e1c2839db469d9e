"""A list page from the cache. What differs in each request replaces marks in it: tokens, and the age of the data.

The key holds every input of the rest: the state of the rows (`kept_part`), the address, the person, the team, and what
the view names in `inputs`. A page that has something else to say (a message, a first fetch, a missing key) is not kept.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString

from dashboard.teams.access.guard import MemberRequest
from snapshots.lists.params import FilterBase
from snapshots.views.common.shell import Shell, shell_of

if TYPE_CHECKING:
    from snapshots.views.common.list_page import View

# What is rendered for each request, and put into the page.
LIVE = {
    "freshness": "snapshots/ui/_data_age.html",
    "refresh": "snapshots/ui/_refresh.html",
    "banners": "snapshots/ui/_banners.html",
}
MOST_ADDRESS = 2000
Context = dict[str, object]


@cache
def marks() -> Mapping[str, SafeString]:
    """A mark for each live part and for the token. Nobody can guess one and put it into a name."""
    return {name: SafeString(salted_hmac("page mark", name).hexdigest()) for name in (*LIVE, "token")}


def whole_page(
    request: MemberRequest,
    view: "View[FilterBase]",
    saved: Context,
    make: Callable[[], Context],
    keep: Callable[[Callable[[], str], object], str],
) -> HttpResponse:
    """Answer with the page, from the cache if nothing that it shows has changed.

    `saved`: its saved views; `make` gives the rest of its context; `keep` caches a text for the view and other inputs.
    """
    shell = shell_of(request)

    def render() -> str:
        fixed = {"shell": shell, "live": marks(), "csrf_token": marks()["token"]}
        return render_to_string(view.page_template, make() | saved | fixed, request)

    if view.is_lasting and len(request.get_full_path()) <= MOST_ADDRESS and not len(messages.get_messages(request)):
        page = keep(render, _inputs(request, view, saved, shell))
    else:
        page = render()
    age = view.age_context()
    for name, template in LIVE.items():
        page = page.replace(marks()[name], render_to_string(template, age, request))
    return HttpResponse(page.replace(marks()["token"], get_token(request)))


def _inputs(request: MemberRequest, view: "View[FilterBase]", saved: Context, shell: Shell) -> object:
    member = view.membership
    person = (member.user_id, shell.user_name, request.user.email, member.role, member.choices)
    visits = (member.seen_until, member.visited_at)
    return (request.get_full_path(), person, visits, saved, shell.teams, view.inputs)
