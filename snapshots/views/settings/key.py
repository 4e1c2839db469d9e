"""The team's API key: tried, looked at, then saved. The key itself is never shown: no page and no session has it."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.limits import allow
from dashboard.secrets import Secret, clean_api_key
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import ApiKey, PendingKey, Team
from dashboard.teams.models.keys import key_mark, key_of
from snapshots.models import Environment
from snapshots.setup import pending_keys
from snapshots.setup.environments import offered
from snapshots.setup.key_trial import Answer
from snapshots.text import times
from snapshots.views.common.onboarding import DONE, KEY_STEP, home_of, missing_step
from snapshots.views.snapshots.refresh import slot

MOST_TRIALS, TRIALS_SECONDS = 5, 60


class KeyForm(forms.Form):
    key = forms.CharField(
        strip=False,
        error_messages={"required": gettext_lazy("Enter the API key.")},
        # Written, never read: what was entered does not come back, not even with an error.
        widget=forms.PasswordInput(
            render_value=False,
            attrs={"class": "field", "autocomplete": "off", "spellcheck": "false"},
        ),
    )
    whose = forms.CharField(
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )

    def clean_key(self) -> Secret:
        return clean_api_key(self.cleaned_data["key"])


@dataclass(frozen=True, slots=True)
class Result:
    """One answer of a trial as a line: mark, place and what was said."""

    works: bool
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Current:
    """What is told of the key in use."""

    signs: str
    whose: str
    changed_by: str
    changed: str
    changed_iso: str
    worked: str
    worked_iso: str
    is_unreadable: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """A key that does not count yet, and how far it is."""

    pk: int
    results: list[Result]
    may_save: bool
    save_label: str
    by: str
    at: str
    is_refused: bool


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def key(request: MemberRequest, team: str) -> HttpResponse:
    """The key in use and the form for another one; a POST tries it and stores nothing that counts."""
    if request.method != "POST":
        return _go_on(request) if _has_waited(request) else _page(request, KeyForm())
    form = KeyForm(request.POST)
    if form.is_valid() and not _try(request, form):
        return _page(request, form)
    return HttpResponseRedirect(_url(request.team)) if form.is_valid() else _page(request, form)


@require_POST
def save(request: MemberRequest, team: str) -> HttpResponse:
    """Make the key that this person has just tried the team's."""
    saved = pending_keys.accept(
        team=request.team, person=request.user, pending_pk=_pending_pk(request), request=request
    )
    if saved is None:
        messages.warning(request, _("That key is no longer here. A tried key waits ten minutes; enter it again."))
        return HttpResponseRedirect(_url(request.team))
    messages.success(request, _("The key is saved and in use."))
    request.team.api_key = saved
    # What it may see and nobody watches yet is offered at once; a team without any goes on to name one.
    is_next = bool(offered(request.team)) or missing_step(request.team) != DONE
    next_page = "snapshots:environments" if is_next else "snapshots:key"
    return HttpResponseRedirect(reverse(next_page, args=[request.team.slug]))


@require_POST
def cancel(request: MemberRequest, team: str) -> HttpResponse:
    """Forget a key that was tried or kept aside."""
    if pending_keys.drop(team=request.team, person=request.user, pending_pk=_pending_pk(request), request=request):
        messages.info(request, _("That key is forgotten. Nothing has changed."))
    return HttpResponseRedirect(_url(request.team))


def _try(request: MemberRequest, form: KeyForm) -> bool:
    """Try the entered key; False, with the reason in the form, if it could not be tried."""
    if not settings.API_KEY_ENCRYPTION_KEYS:
        form.add_error(
            None, _("Whoever runs this dashboard must set API_KEY_ENCRYPTION_KEYS before a key can be stored.")
        )
        return False
    with slot() as is_free:
        if not is_free:
            form.add_error(None, _("The provider is being asked already. Enter the key again in a moment."))
            return False
        if not allow(f"key-trial:{request.team.pk}", MOST_TRIALS, TRIALS_SECONDS):
            said = _("This team has tried %(most)d keys within a minute. Try again in a minute.")
            form.add_error(None, said % {"most": MOST_TRIALS})
            return False
        values = form.cleaned_data
        pending_keys.propose(
            team=request.team, person=request.user, secret=values["key"], whose=values["whose"], request=request
        )
    return True


def _has_waited(request: MemberRequest) -> bool:
    """Whether a page that waited for a key kept aside asks again, and the key has since come into use."""
    return bool(request.htmx) and key_of(request.team) is not None


def _go_on(request: MemberRequest) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": home_of(request.membership)})


def _pending_pk(request: MemberRequest) -> int:
    text = request.POST.get("pending", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _url(team: Team) -> str:
    return reverse("snapshots:key", args=[team.slug])


def _page(request: MemberRequest, form: KeyForm) -> HttpResponse:
    now = timezone.now()
    mine, kept = pending_keys.offered_to(request.team, request.user), pending_keys.kept_for(request.team)
    context = {
        "title": _("API key"),
        "step": KEY_STEP if missing_step(request.team) == KEY_STEP else DONE,
        "form": form,
        "current": _current(request.team, now),
        "offered": _tried(mine, now) if mine else None,
        "kept": _tried(kept, now) if kept else None,
    }
    return render(request, "snapshots/settings/key.html", context)


def _current(team: Team, now: datetime) -> Current | None:
    stored = key_of(team)
    if stored is None:
        return None
    used = [each for each in team.environments.all() if each.key_mark == key_mark(stored)]
    worked = _last_success(stored, used)
    return Current(
        signs=stored.last_signs,
        whose=stored.whose,
        changed_by=stored.changed_by.email if stored.changed_by else "",
        changed=times.ago(stored.changed_at, now),
        changed_iso=stored.changed_at.isoformat(),
        worked=times.ago(worked, now) if worked else "",
        worked_iso=worked.isoformat() if worked else "",
        is_unreadable=any(each.fault_kind == "key_unreadable" for each in used),
    )


def _last_success(stored: ApiKey, used: list[Environment]) -> datetime | None:
    """The newest list that came by this key: a row that names it may still hold the list of the one before."""
    answered = [each.answered_at for each in used if each.answered_at]
    return max((at for at in answered if at >= stored.changed_at), default=None)


def _tried(pending: PendingKey, now: datetime) -> Tried:
    answers = pending_keys.answers_of(pending)
    working = sum(answer.count is not None for answer in answers)
    return Tried(
        pk=pending.pk,
        results=[Result(answer.count is not None, answer.place, result_text(answer)) for answer in answers],
        may_save=bool(working and pending.sealed and not pending.is_kept),
        save_label=_save_label(working, answers),
        by=pending.made_by.email,
        at=times.ago(pending.tried_at, now),
        is_refused=not pending.sealed,
    )


def _save_label(working: int, answers: list[Answer]) -> str:
    if working == len(answers):
        return _("Save")
    return ngettext("Save, %(working)d of %(all)d works", "Save, %(working)d of %(all)d work", working) % {
        "working": working,
        "all": len(answers),
    }


def result_text(answer: Answer) -> str:
    """What an environment answered, short: "1,204 snapshots", "not allowed"."""
    if answer.count is None:
        reasons = {
            "refused": _("not allowed"),
            "not_found": _("not known to the provider"),
            "timeout": _("no answer in time"),
            "unreachable": _("cannot be reached"),
        }
        return reasons.get(answer.kind) or _(answer.sentence).rstrip(".")
    number = {"number": number_format(answer.count, force_grouping=True)}
    if answer.place:
        return ngettext("%(number)s snapshot", "%(number)s snapshots", answer.count) % number
    return ngettext("sees %(number)s environment", "sees %(number)s environments", answer.count) % number
