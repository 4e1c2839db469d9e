"""The page of the setup link: create the first account and the first team."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.teams.core.email_addresses import can_be_mailed, folded
from dashboard.teams.first_run.setup_link import Newcomer, SetupEnded, find, make_first_team
from dashboard.teams.models import SetupLink, Team, User
from dashboard.teams.people.join import unproved

MOST_SLUG = 50
# The page's URL is a secret for a day: no request from the page may send more of it than the host name.
REFERRER_POLICY = "strict-origin"


class PersonForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("Email"),
        max_length=254,
        validators=[can_be_mailed],
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Your name (optional)"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.by_address(email):
            raise ValidationError(_("There is already an account with this email. Sign in, then open this link again."))
        return folded(email)

    def clean(self) -> None:
        values = self.cleaned_data
        try:
            validate_password(
                values.get("password", ""), User(email=values.get("email", ""), name=values.get("name", ""))
            )
        except ValidationError as weak:
            if "password" in values:
                self.add_error("password", weak)


class TeamForm(forms.Form):
    team_name = forms.CharField(
        label=gettext_lazy("Team name"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "data-slug-from": ""}),
    )
    slug = forms.SlugField(
        label=gettext_lazy("Short name for URLs (optional)"),
        max_length=MOST_SLUG,
        required=False,
        help_text=gettext_lazy("Appears in every link you share. If empty, it is derived from the team name."),
        error_messages={"invalid": gettext_lazy("Use only unaccented letters, digits, hyphens and underscores.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-slug-to": ""}),
    )

    def clean_slug(self) -> str:
        given: str = self.cleaned_data["slug"] or slugify(self.cleaned_data.get("team_name", ""))
        slug = given.lower()[:MOST_SLUG].strip("-_")
        if not slug and "team_name" in self.cleaned_data:
            raise ValidationError(_("The team name has no character that a URL can contain. Enter a short name here."))
        return slug


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest, token: str) -> HttpResponseBase:
    """Create the first team. Any invalid link gives the same page."""
    try:
        response = _set_up(request, find(token))
    except SetupEnded:
        response = render(request, "teams/first_run/ended.html", status=404)
    response.headers["Referrer-Policy"] = REFERRER_POLICY
    return response


def _set_up(request: HttpRequest, link: SetupLink) -> HttpResponseBase:
    if isinstance(request.user, User) and not request.user.has_proved_address:
        return unproved(request)
    sent = request.POST if request.method == "POST" else None
    person_form = PersonForm(sent) if isinstance(request.user, AnonymousUser) else None
    team_form = TeamForm(sent)
    if not all(form.is_valid() for form in (person_form, team_form) if form):
        return _page(request, person_form, team_form)
    return _make(request, link, person_form, team_form)


def _make(
    request: HttpRequest, link: SetupLink, person_form: PersonForm | None, team_form: TeamForm
) -> HttpResponseBase:
    user = request.user
    person = user if isinstance(user, User) else Newcomer(**(person_form.cleaned_data if person_form else {}))
    values = team_form.cleaned_data
    try:
        team, user = make_first_team(link, person, name=values["team_name"], slug=values["slug"], request=request)
    except IntegrityError:  # the address has just got its account
        return HttpResponseRedirect(request.path)
    if person_form:
        return _sign_in(request, user, team)
    return HttpResponseRedirect(_home_of(team))


def _sign_in(request: HttpRequest, user: User, team: Team) -> HttpResponseBase:
    # The password was chosen in this request: the key form must not ask for it again.
    record_authentication(request, user, method="password", email=user.email)
    signed_in: HttpResponseBase = perform_login(request, user, redirect_url=_home_of(team))
    return signed_in


def _home_of(team: Team) -> str:
    return reverse("snapshots:team_home", args=[team.slug])


def _page(request: HttpRequest, person_form: PersonForm | None, team_form: TeamForm) -> HttpResponseBase:
    context = {"person_form": person_form, "team_form": team_form, "here": request.path}
    return render(request, "teams/first_run/setup.html", context)
