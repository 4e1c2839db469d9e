"""Where alerts go: each member's own mails, and the team's webhooks and services, which admins set."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.secrets import KeyRingMissing
from dashboard.teams.access.guard import MemberRequest
from dashboard.teams.models import Role, Team
from dashboard.teams.people.invitations import sends_mail
from snapshots.alerts import channels
from snapshots.alerts.addresses import Refused, target_of
from snapshots.alerts.services import SERVICES, check
from snapshots.models import Channel, Feed
from snapshots.text import times
from snapshots.views.common.objects import numbers

TIME = forms.TimeInput(format="%H:%M", attrs={"class": "field", "type": "time"})


class QuietForm(forms.Form):
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from, UTC"), required=False, widget=TIME)
    quiet_until = forms.TimeField(label=gettext_lazy("Quiet until, UTC"), required=False, widget=TIME)

    def clean(self) -> None:
        super().clean()
        times = [self.cleaned_data.get(name) for name in ("quiet_from", "quiet_until")]
        if not self.errors and (times[0] is None) != (times[1] is None):
            self.add_error("quiet_until", _("Enter both times, or none."))

    @property
    def quiet(self) -> channels.Quiet:
        return channels.Quiet(self.cleaned_data["quiet_from"], self.cleaned_data["quiet_until"])


class MailForm(QuietForm):
    wants = forms.BooleanField(required=False)
    digest = forms.ChoiceField(
        label=gettext_lazy("Summary"),
        choices=Channel.Digest.choices,
        required=False,
        widget=forms.Select(attrs={"class": "field"}),
    )
    digest_hour = forms.TypedChoiceField(
        label=gettext_lazy("Time, UTC"),
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.Select(attrs={"class": "field"}),
    )

    @property
    def choice(self) -> channels.MailChoice:
        found = self.cleaned_data
        hour = found["digest_hour"]
        return channels.MailChoice(found["wants"], found["digest"], 7 if hour is None else hour, self.quiet)


class WebhookForm(QuietForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"class": "field mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "url", "quiet_from", "quiet_until")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            target_of(url)
        except Refused as refused:
            raise ValidationError(str(refused)) from None
        return url


class ServiceForm(QuietForm):
    """A chat or paging service. Its address or key is never shown again, not even beside an error."""

    service = forms.ChoiceField(
        label=gettext_lazy("Service"),
        choices=[(name, one.label) for name, one in SERVICES.items()],
        widget=forms.Select(attrs={"class": "field"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    secret = forms.CharField(
        label=gettext_lazy("Webhook address or key"),
        max_length=500,
        widget=forms.PasswordInput(attrs={"class": "field mono", "autocomplete": "new-password"}),
    )

    def __init__(self, values: object = None, *, of: Channel | None = None) -> None:
        """`of`: change this one, whose service stays; without a new address or key that stays too."""
        kept = {name: getattr(of, name) for name in ("name", "quiet_from", "quiet_until")} if of else {}
        super().__init__(values, initial=kept, auto_id="service_%s")  # type: ignore[arg-type]
        self.of = of
        if of:
            del self.fields["service"]
            self.fields["secret"].required = False

    def clean(self) -> None:
        super().clean()
        secret, name = self.cleaned_data.get("secret"), self.cleaned_data.get("service", "")
        service = channels.service_of(self.of) if self.of else SERVICES.get(name)
        if secret and service:
            try:
                check(service, secret)
            except Refused as refused:
                self.add_error("secret", str(refused))


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as the page shows it."""

    channel: Channel
    text: str
    failure: str

    @property
    def gets(self) -> str:
        """What a mailbox gets."""
        hour = {"hour": f"{self.channel.digest_hour:02}:00"}
        match self.channel.digest, self.channel.wants_alerts:
            case Channel.Digest.DAILY, True:
                return _("Alerts, and a summary every day at %(hour)s UTC") % hour
            case Channel.Digest.DAILY, False:
                return _("A summary every day at %(hour)s UTC") % hour
            case Channel.Digest.WEEKLY, True:
                return _("Alerts, and a summary on Mondays at %(hour)s UTC") % hour
            case Channel.Digest.WEEKLY, False:
                return _("A summary on Mondays at %(hour)s UTC") % hour
        return _("Alerts")


@require_safe
def alert_settings(request: MemberRequest, team: str) -> HttpResponse:
    return _show(request)


@require_POST
def own_mail(request: MemberRequest, team: str) -> HttpResponse:
    """Save which mails the member gets, and when not."""
    form = MailForm(request.POST)
    if not form.is_valid():
        return _show(request, mail_form=form)
    choice = form.choice
    is_any = choice.wants_alerts or choice.digest
    if is_any and not request.user.has_proved_address:
        return _show(request, mail_form=form)
    channels.choose_mail(request.membership, choice)
    text = _("Your choice was saved. Mails go to %(email)s.") if is_any else _("You get no mails about this team.")
    messages.success(request, text % {"email": request.user.email})
    return HttpResponseRedirect(_url(request.team))


@require_POST
def add_webhook(request: MemberRequest, team: str) -> HttpResponse:
    """Create a webhook and show its secret once."""
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _show(request, form=form)
    name, url = form.cleaned_data["name"], form.cleaned_data["url"]
    try:
        channel, secret = channels.make_webhook(
            request.team, name=name, url=url, quiet=form.quiet, person=request.user, request=request
        )
    except channels.NameTaken:
        form.add_error("name", _("A webhook with this name exists. If its secret is lost, replace it there."))
    except channels.TooManyWebhooks:
        form.add_error(None, _("The team has %(n)d webhooks. Delete one first.") % {"n": channels.MOST_WEBHOOKS})
    except KeyRingMissing:
        form.add_error(None, _("This dashboard can’t store secrets yet."))
    else:
        return _show(request, made={"channel": channel, "secret": secret})
    return _show(request, form=form)


@require_POST
def add_service(request: MemberRequest, team: str) -> HttpResponse:
    form = ServiceForm(request.POST)
    if not form.is_valid():
        return _show(request, service_form=form)
    service, name = SERVICES[form.cleaned_data["service"]], form.cleaned_data["name"]
    secret = form.cleaned_data["secret"]
    try:
        channels.make_service(
            request.team, service, name=name, secret=secret, quiet=form.quiet, person=request.user, request=request
        )
    except channels.NameTaken:
        form.add_error("name", _("Another webhook or service has this name."))
    except channels.TooManyWebhooks:
        form.add_error(None, _("The team has %(n)d webhooks. Delete one first.") % {"n": channels.MOST_WEBHOOKS})
    except KeyRingMissing:
        form.add_error(None, _("This dashboard can’t store secrets yet."))
    else:
        messages.success(request, _("Alerts go to %(name)s. Send a test to see them.") % {"name": name})
        return HttpResponseRedirect(_url(request.team))
    return _show(request, service_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: MemberRequest, team: str, channel: int) -> HttpResponse:
    """Show the form of a webhook or a service; on POST save it."""
    found = get_object_or_404(Channel.objects.of_team_itself(), team=request.team, pk=channel)
    return _service(request, found) if found.is_service else _webhook(request, found)


def _service(request: MemberRequest, found: Channel) -> HttpResponse:
    form = ServiceForm(request.POST if request.method == "POST" else None, of=found)
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("name", "secret")}
        try:
            channels.change_service(found, **values, quiet=form.quiet, person=request.user, request=request)
        except channels.NameTaken:
            form.add_error("name", _("Another webhook or service has this name."))
        except KeyRingMissing:
            form.add_error(None, _("This dashboard can’t store secrets yet."))
        else:
            messages.success(request, _("“%(name)s” was saved.") % {"name": values["name"]})
            return HttpResponseRedirect(_url(request.team))
    context = {"title": str(found), "channel": found, "service_form": form}
    return render(request, "snapshots/settings/webhook.html", context)


def _webhook(request: MemberRequest, found: Channel) -> HttpResponse:
    names = ("name", "url", "quiet_from", "quiet_until")
    form = WebhookForm(
        request.POST if request.method == "POST" else None, initial={n: getattr(found, n) for n in names}
    )
    if form.is_valid():
        name, url = form.cleaned_data["name"], form.cleaned_data["url"]
        try:
            channels.change_webhook(found, name=name, url=url, quiet=form.quiet, person=request.user, request=request)
        except channels.NameTaken:
            form.add_error("name", _("Another webhook has this name."))
        else:
            messages.success(request, _("Webhook “%(name)s” was saved.") % {"name": name})
            return HttpResponseRedirect(_url(request.team))
    context = {"title": _("Webhook “%(name)s”") % {"name": found.name}, "channel": found, "form": form}
    return render(request, "snapshots/settings/webhook.html", context)


@require_POST
def act(request: MemberRequest, team: str, channel: int) -> HttpResponse:
    """Test, pause, resume or delete a channel: one's own, or as an admin a webhook."""
    found = get_object_or_404(_changed_by(request), pk=channel)
    wanted = request.POST.get("act", "")
    if wanted == "secret" and found.type == Channel.Type.WEBHOOK:
        secret = channels.replace_secret(found, person=request.user, request=request)
        return _show(request, made={"channel": found, "secret": secret})
    if wanted in ACTS:
        change, said = ACTS[wanted]
        name = str(found)
        change(found, person=request.user, request=request)
        messages.success(request, str(said) % {"name": name})
    return HttpResponseRedirect(_url(request.team))


ACTS: dict[str, tuple[Callable[..., None], object]] = {
    "test": (
        channels.send_test,
        gettext_lazy("A test message to %(name)s is on its way. Reload this page in a minute to see how it went."),
    ),
    "pause": (channels.pause, gettext_lazy("Alerts to %(name)s are paused.")),
    "resume": (channels.resume, gettext_lazy("Alerts to %(name)s were resumed.")),
    "delete": (channels.delete, gettext_lazy("%(name)s gets no more alerts.")),
}


@require_POST
def feed(request: MemberRequest, team: str) -> HttpResponse:
    """Create the member's feed address and show it once, which ends the one before; or end it, as an admin any."""
    if request.POST.get("act") == "make":
        address = channels.make_feed(request.membership, person=request.user, request=request)
        return _show(request, feed_url=address)
    of = request.POST.get("member") or str(request.membership.pk)
    found = Feed.objects.filter(membership__team=request.team, membership__in=numbers([of]))
    if request.membership.role != Role.ADMIN:
        found = found.filter(membership=request.membership)
    channels.end_feed(get_object_or_404(found), person=request.user, request=request)
    messages.success(request, _("The feed’s address leads nowhere any more."))
    return HttpResponseRedirect(_url(request.team))


def _changed_by(request: MemberRequest) -> QuerySet[Channel]:
    own = Q(membership=request.membership)
    if request.membership.role == Role.ADMIN:
        own |= ~Q(type=Channel.Type.MAIL)
    return Channel.objects.filter(own, team=request.team).select_related("team", "membership__user")


def _url(team: Team) -> str:
    return reverse("snapshots:alert_settings", args=[team.slug])


def _show(
    request: MemberRequest,
    *,
    form: WebhookForm | None = None,
    mail_form: MailForm | None = None,
    service_form: ServiceForm | None = None,
    made: dict[str, object] | None = None,
    feed_url: str = "",
) -> HttpResponse:
    now, is_admin = timezone.now(), request.membership.role == Role.ADMIN
    found = Channel.objects.of_team(request.team).wanted().select_related("membership__user")
    waiting = Count("deliveries", filter=Q(deliveries__outcome=""))
    lines = [_line(each, now) for each in found.with_next_try().annotate(waiting=waiting)]
    own = next((line for line in lines if line.channel.membership_id == request.membership.pk), None)
    mine = own.channel if own else Channel(wants_alerts=False)
    chosen = {name: getattr(mine, name) for name in ("quiet_from", "quiet_until", "digest", "digest_hour")}
    context = {
        "title": _("Alerts"),
        "own": own,
        "mail_form": mail_form or MailForm(initial={"wants": mine.wants_alerts, **chosen}),
        "sends_mail": sends_mail(),
        "is_admin": is_admin,
        "mails": [line for line in lines if line.channel.is_mail] if is_admin else [],
        "webhooks": [line for line in lines if not line.channel.is_mail],
        "form": form or WebhookForm(),
        "service_form": service_form or ServiceForm(),
        "made": made,
        "feed_url": feed_url,
        "feed": Feed.objects.filter(membership=request.membership).first(),
        "feeds": Feed.objects.filter(membership__team=request.team)
        .exclude(membership=request.membership)
        .select_related("membership__user")
        .order_by("pk")
        if is_admin
        else [],
    }
    return render(request, "snapshots/settings/alerts.html", context)


def _line(channel: Channel, now: datetime) -> Line:
    if channel.paused_at is not None:
        text = _("Paused since %(at)s UTC.")
        if channel.is_given_up:
            text = _("Paused since %(at)s UTC, after it had failed for three days.")
        return Line(channel, text % {"at": times.stamp(channel.paused_at, now)}, channel.failure)
    if channel.failing_since is not None:
        return Line(channel, _failing(channel, now), channel.failure)
    if channel.last_success_at is not None:
        text = _("Last message sent %(at)s UTC.") % {"at": times.stamp(channel.last_success_at, now)}
        return Line(channel, text, "")
    return Line(channel, _("Nothing sent yet."), "")


def _failing(channel: Channel, now: datetime) -> str:
    since, next_at = channel.failing_since, channel.next_try
    values = {"since": times.stamp(since, now) if since else "", "next": times.stamp(next_at, now) if next_at else ""}
    if next_at is None:
        return _("Failing since %(since)s UTC.") % values
    return _("Failing since %(since)s UTC. Next try %(next)s UTC.") % values
