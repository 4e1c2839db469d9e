"""Create, list and revoke shared links, and allow or forbid them. The complete URL is shown only once."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Role
from snapshots.models import ShareLink, ShareLinkQuerySet, Snapshot
from snapshots.sharing import links as sharing
from snapshots.text import labels, times
from snapshots.text.usable import Usability, usability
from snapshots.views.common.objects import find_environment
from snapshots.views.sharing.panel import lines

GET_OR_POST = ["GET", "HEAD", "POST"]


class ShareForm(forms.Form):
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"), coerce=int, choices=[(days, days) for days in sharing.DAYS]
    )
    environment = forms.BooleanField(label=gettext_lazy("Show the environment"), required=False)
    form_id = forms.CharField(max_length=64)


@require_POST
def make(request: MemberRequest, team: str, service_code: str, environment_name: str, snapshot_id: str) -> HttpResponse:
    """Create a link and show it once."""
    environment = find_environment(request, service_code, environment_name)
    snapshot = get_object_or_404(Snapshot.objects.of_environment(environment), snapshot_id=snapshot_id)
    back = request.path.removesuffix("share/")
    if usability(snapshot) is Usability.NEVER:
        messages.warning(request, _("This snapshot can’t be restored, so no link was created."))
        return HttpResponseRedirect(f"{back}#share")
    form = ShareForm(request.POST)
    if not form.is_valid():
        messages.warning(request, _("Choose when the link expires."))
        return HttpResponseRedirect(f"{back}#share")
    try:
        link, address = _made(request, snapshot, form)
    except sharing.AlreadyMade:
        return render(request, "snapshots/sharing/already_created.html", {"back": back})
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return HttpResponseRedirect(f"{back}#share")
    context = {
        "name": labels.title(snapshot.name, snapshot.snapshot_id),
        "address": address,
        "until": times.stamp(link.expires_at, timezone.now()),
        "back": back,
    }
    return render(request, "snapshots/sharing/created.html", context)


@require_safe
def link_list(request: MemberRequest, team: str) -> HttpResponse:
    """Show the team's active links: all to an admin, else the member's own."""
    links = lines(sharing.links_for(request.membership), request.team.slug, timezone.now())
    return render(
        request, "snapshots/sharing/links.html", {"title": _("Shared links"), "links": links, "team": request.team}
    )


@require_POST
def revoke(request: MemberRequest, team: str, public_id: str) -> HttpResponse:
    """Revoke one link: any as an admin, else one's own."""
    own = sharing.links_for(request.membership).filter(public_id=public_id).first()
    if own is None:
        _find_ended(request, public_id)
    else:
        sharing.revoke(own, actor=request.user, request=request)
    messages.success(request, _("The link was revoked."))
    return HttpResponseRedirect(_back(request))


@require_http_methods(GET_OR_POST)
def revoke_all(request: MemberRequest, team: str) -> HttpResponse:
    """Show how many, and on POST revoke them: of one snapshot (`of`), or all that the member may revoke."""
    snapshot = _snapshot(request)
    links = sharing.links_for(request.membership)
    if snapshot is not None:
        links = links.filter(snapshot=snapshot)
    if request.method == "POST":
        target = str(snapshot) if snapshot else ""
        ended = sharing.revoke_all(links, team=request.team, actor=request.user, target=target, request=request)
        messages.success(request, _("Revoked: %(links)s.") % {"links": sharing.links_in_words(ended)})
        return HttpResponseRedirect(_back(request))
    return render(request, "snapshots/sharing/revoke_all.html", _asked(request, links, snapshot))


@require_http_methods(GET_OR_POST)
def switch(request: MemberRequest, team: str) -> HttpResponse:
    """Show the effect of switching the team's links off or on, and do it on POST."""
    wanted = not request.team.allows_shared_links
    if request.method != "POST":
        number = ShareLink.objects.alive().filter(team=request.team).count()
        context = {"links": sharing.links_in_words(number), "number": number, "wanted": wanted, "team": request.team}
        return render(request, "snapshots/sharing/switch.html", context)
    wanted = request.POST.get("allowed") == "1"
    ended = sharing.allow(request.team, wanted, actor=request.user, request=request)
    if wanted:
        messages.success(request, _("Shared links are allowed."))
    else:
        said = _("Shared links are off. Revoked: %(links)s.")
        messages.success(request, said % {"links": sharing.links_in_words(ended or 0)})
    return HttpResponseRedirect(reverse("teams:security", args=[request.team.slug]))


def _made(request: MemberRequest, snapshot: Snapshot, form: ShareForm) -> tuple[ShareLink, str]:
    return sharing.make(
        snapshot,
        maker=request.membership,
        days=form.cleaned_data["days"],
        form_id=form.cleaned_data["form_id"],
        shows_environment=form.cleaned_data["environment"],
        request=request,
    )


def _find_ended(request: MemberRequest, public_id: str) -> None:
    """Raise Http404 unless this is the member's link that is already expired or revoked: revoking twice is allowed."""
    ended = ShareLink.objects.filter(team=request.team, public_id=public_id)
    if not Role(request.membership.role).at_least(Role.ADMIN):
        ended = ended.filter(maker=request.membership)
    if not ended.exists():
        raise Http404


def _snapshot(request: MemberRequest) -> Snapshot | None:
    """Return the snapshot of `of` ("compute-on/prod/<id>"). Raises Http404 for one of another team."""
    of = request.POST.get("of", "") or request.GET.get("of", "")
    if not of:
        return None
    place, _slash, snapshot_id = of.rpartition("/")
    service_code, _slash, name = place.partition("/")
    if "\0" in of:
        raise Http404
    environment = find_environment(request, service_code, name)
    found: Snapshot = get_object_or_404(Snapshot.objects.of_environment(environment), snapshot_id=snapshot_id)
    return found


def _asked(request: MemberRequest, links: ShareLinkQuerySet, snapshot: Snapshot | None) -> dict[str, object]:
    number = links.count()
    return {
        "title": _("Revoke %(links)s") % {"links": sharing.links_in_words(number)},
        "number": number,
        "name": labels.title(snapshot.name, snapshot.snapshot_id) if snapshot else "",
        "of": request.GET.get("of", ""),
        "back": _back(request),
    }


def _back(request: MemberRequest) -> str:
    """Return the URL of the snapshot's page if the form came from there, else of the list of links."""
    of = request.POST.get("of", "") or request.GET.get("of", "")
    if of and _snapshot(request):
        return reverse("snapshots:list", args=[request.team.slug]) + f"{of}/#share"
    return reverse("snapshots:share_links", args=[request.team.slug])
