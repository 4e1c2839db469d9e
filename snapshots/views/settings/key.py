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
from dashboard.teams.models import ApiKey, Team
from dashboard.teams.models.keys import key_mark, key_of
from snapshots.models import Environment
from snapshots.setup import pending_keys
from snapshots.setup.environments import offered
from snapshots.setup.key_trial import Answer, Trial, Verdict
from snapshots.text import times
from snapshots.views.common.page_state import DONE, KEY_STEP, missing_step
from snapshots.views.common.refreshing import slot

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
    """The team's key, as the page shows it."""

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
    """How the trial of a key ended; one that works has a row, and a button that saves it."""

    verdict: str
    results: list[Result]
    pk: int = 0
    save_label: str = ""


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def key(request: MemberRequest, team: str) -> HttpResponse:
    """The key in use and the form for another one; a POST tries it and leaves the one in use."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    trial = _try(request, form) if form.is_valid() else None
    if trial is None or trial.verdict is not Verdict.WORKS:
        return _page(request, form, trial)
    return HttpResponseRedirect(_url(request.team))


@require_POST
def save(request: MemberRequest, team: str) -> HttpResponse:
    """Make the key that this person has just tried the team's."""
    saved = pending_keys.accept(
        team=request.team, person=request.user, pending_pk=_pending_pk(request), request=request
    )
    if saved is None:
        messages.warning(request, _("That key has expired. A tested key is kept for 10 minutes; enter it again."))
        return HttpResponseRedirect(_url(request.team))
    messages.success(request, _("The key is saved and in use."))
    request.team.api_key = saved
    # What it may see and nobody watches yet is offered at once; a team without any goes on to name one.
    is_next = bool(offered(request.team)) or missing_step(request.team) != DONE
    next_page = "snapshots:environments" if is_next else "snapshots:key"
    return HttpResponseRedirect(reverse(next_page, args=[request.team.slug]))


@require_POST
def cancel(request: MemberRequest, team: str) -> HttpResponse:
    """Forget a key that was tried."""
    if pending_keys.drop(team=request.team, person=request.user, pending_pk=_pending_pk(request), request=request):
        messages.info(request, _("The tested key was discarded. Nothing has changed."))
    return HttpResponseRedirect(_url(request.team))


def _try(request: MemberRequest, form: KeyForm) -> Trial | None:
    """Try the entered key; None, with the reason in the form, if nobody was asked."""
    if not settings.API_KEY_ENCRYPTION_KEYS:
        form.add_error(
            None, _("The operator of this dashboard must set API_KEY_ENCRYPTION_KEYS before a key can be stored.")
        )
        return None
    with slot() as is_free:
        if not is_free:
            form.add_error(None, _("Other requests to the provider are running. Enter the key again in a moment."))
            return None
        if not allow(f"key-trial:{request.team.pk}", MOST_TRIALS, TRIALS_SECONDS):
            said = _("This team has tested %(most)d keys within a minute. Try again in a minute.")
            form.add_error(None, said % {"most": MOST_TRIALS})
            return None
        values = form.cleaned_data
        return pending_keys.propose(
            team=request.team, person=request.user, secret=values["key"], whose=values["whose"], request=request
        )


def _pending_pk(request: MemberRequest) -> int:
    text = request.POST.get("pending", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _url(team: Team) -> str:
    return reverse("snapshots:key", args=[team.slug])


def _page(request: MemberRequest, form: KeyForm, failed: Trial | None = None) -> HttpResponse:
    context = {
        "title": _("API key"),
        "step": KEY_STEP if missing_step(request.team) == KEY_STEP else DONE,
        "form": form,
        "current": _current(request.team, timezone.now()),
        "tried": _tried(request, failed),
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
        changed_iso=times.iso(stored.changed_at),
        worked=times.ago(worked, now) if worked else "",
        worked_iso=times.iso(worked) if worked else "",
        is_unreadable=any(each.fault_kind == "key_unreadable" for each in used),
    )


def _last_success(stored: ApiKey, used: list[Environment]) -> datetime | None:
    """The newest list that came by this key: a row that names it may still hold the list of the one before."""
    answered = [each.answered_at for each in used if each.answered_at]
    return max((at for at in answered if at >= stored.changed_at), default=None)


def _tried(request: MemberRequest, failed: Trial | None) -> Tried | None:
    """Show the trial that has just failed, else the key that this person may save."""
    if failed:
        return Tried(failed.verdict.value, _results(failed.answers))
    pending = pending_keys.offered_to(request.team, request.user)
    if pending is None:
        return None
    answers = pending_keys.answers_of(pending)
    return Tried(Verdict.WORKS.value, _results(answers), pending.pk, _save_label(answers))


def _results(answers: list[Answer]) -> list[Result]:
    return [Result(answer.count is not None, answer.place, result_text(answer)) for answer in answers]


def _save_label(answers: list[Answer]) -> str:
    working = sum(answer.count is not None for answer in answers)
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
