"""Send an alert by mail to a member who wants it. Its text and its HTML part say the same in the same order.

Nothing in a mail acts: its links open pages, which ask to sign in. It loads nothing from anywhere.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.models import Team
from dashboard.teams.people.invitations import sends_mail
from snapshots.alerts import digest_letter
from snapshots.alerts.digest import figures_of
from snapshots.alerts.messages import NotSent, site_url, url_of, volume_url
from snapshots.models import Alert, Delivery
from snapshots.text import alert_text

MOST_ROWS, MOST_SUMMARIZED = 5, 20


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a name that leads to its page, and what is beside it."""

    name: str
    url: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, in order; both of its parts show all of it."""

    subject: str
    heading: str
    badge: str = ""
    tone: str = "ok"
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    link: tuple[str, str] = ("", "")
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    more: str = ""
    closing: tuple[str, ...] = ()
    # Why the member gets it, if not by choice.
    why: str = ""


def prepare(delivery: Delivery) -> Callable[[], None]:
    """Return what sends it, in a thread without the database. Raises `NotSent`; so does what is returned."""
    user = delivery.channel.membership.user if delivery.channel.membership else None
    if not sends_mail():
        raise NotSent(_("This dashboard sends no mail: EMAIL_URL is not set."))
    if user is None or not user.is_active or not user.has_proved_address:
        raise NotSent(_("It is not proved that this address belongs to the member."))
    message = _message(delivery, user.email)
    return lambda: _send(message)


def _send(message: EmailMultiAlternatives) -> None:
    try:
        message.send()
    except (SMTPResponseException, SMTPRecipientsRefused) as refusal:
        text = _("The mail server refused the message (code %(code)d).")
        raise NotSent(text % {"code": _code(refusal)}) from None
    except OSError:
        raise NotSent(_("The mail server could not be reached, or it refused the message.")) from None


def _code(refusal: SMTPResponseException | SMTPRecipientsRefused) -> int:
    if isinstance(refusal, SMTPResponseException):
        return refusal.smtp_code
    return min((code for code, _text in refusal.recipients.values()), default=0)


def _message(delivery: Delivery, address: str) -> EmailMultiAlternatives:
    if delivery.event == Delivery.Event.DIGEST:
        now = timezone.now()
        digest = digest_letter.letter_of(delivery.channel, figures_of(delivery, now), now)
        return _mail(delivery, address, "digest", digest.subject, {"letter": digest})
    letter, shown = letter_of(delivery), alert_text.shown(delivery.channel.team.name)
    why = letter.why or _("You get this because you chose email alerts of %(team)s.") % {"team": shown}
    context: dict[str, object] = {"letter": letter, "why": why}
    return _mail(delivery, address, "alert", letter.subject, context)


def _mail(
    delivery: Delivery, address: str, template: str, subject: str, context: dict[str, object]
) -> EmailMultiAlternatives:
    own_page = site_url("snapshots:alert_settings", delivery.channel.team)
    context["own_page"] = own_page
    headers = {
        "Message-ID": _message_id(delivery),
        "List-Unsubscribe": f"<{own_page}>",
        "Auto-Submitted": "auto-generated",
    }
    if (before := _before(delivery)) is not None:
        headers |= {"In-Reply-To": _message_id(before), "References": _message_id(before)}
    text = render_to_string(f"snapshots/mail/{template}.txt", context)
    message = EmailMultiAlternatives(subject, text, to=[address], headers=headers)
    message.attach_alternative(render_to_string(f"snapshots/mail/{template}.html", context), "text/html")
    return message


def _message_id(delivery: Delivery) -> str:
    host = settings.SITE_HOST if settings.SITE_HOST.replace("-", "").replace(".", "").isalnum() else "localhost"
    return f"<{delivery.message_id}@{host}>"


def _before(delivery: Delivery) -> Delivery | None:
    """The message about the beginning, which one about the end answers."""
    if delivery.alert is None or delivery.alert.beginning_id is None:
        return None
    return Delivery.objects.filter(channel=delivery.channel_id, alert=delivery.alert.beginning_id).first()


def letter_of(delivery: Delivery) -> Letter:
    if delivery.alert is not None:
        return _of_alert(delivery.alert)
    team = delivery.channel.team
    if delivery.event == Delivery.Event.SUMMARY:
        return _of_summary(team, delivery.content["alerts"])
    name = alert_text.shown(team.name, alert_text.MOST_TEAM)
    if delivery.event == Delivery.Event.PAUSE:
        return _of_pause(team, name, delivery.content)
    return Letter(
        _("[%(team)s] Test message") % {"team": name},
        _("Email alerts work"),
        sentences=(_("A member of the team asked for this message, to see whether alerts arrive."),),
        link=(_("Open the volumes"), site_url("snapshots:volumes", team)),
    )


def _of_alert(alert: Alert) -> Letter:
    is_end = alert.event == Alert.Event.ENDED
    mark, tone = alert_text.mark_of(alert)
    status = alert.label
    word = _("%(status)s, ended") % {"status": status} if is_end else status
    rows = () if alert_text.is_of_place(alert) else tuple(_rows(alert))
    left = int(alert.content["count"]) - len(rows) if rows else 0
    return Letter(
        subject=alert_text.subject_of(alert),
        heading=alert_text.title_of(alert),
        badge=f"{mark} {word}",
        tone=tone,
        sentences=tuple(alert_text.sentences_of(alert)),
        facts=tuple(alert_text.facts_of_alert(alert)),
        link=(_link_of(alert), url_of(alert)),
        columns=(_("Volume"), _("Instance"), _("Newest usable, UTC")),
        rows=rows,
        more=ngettext("and %(n)d more", "and %(n)d more", left) % {"n": left} if left else "",
        closing=tuple(_closing(alert, is_end)),
    )


def _link_of(alert: Alert) -> str:
    if alert.kind:
        return _("Open the problem")
    return _("Open the volume") if alert.content["count"] == 1 else _("Open the changes")


def _rows(alert: Alert) -> Iterable[Row]:
    for problem in alert.content["problems"][:MOST_ROWS]:
        volume = problem["volume"]
        yield Row(
            alert_text.shown(volume["name"]) or volume["id"],
            volume_url(alert.environment, volume["id"]),
            (alert_text.shown(volume["instance"]), alert_text.newest_text(problem, alert.at)),
        )


def _closing(alert: Alert, is_end: bool) -> Iterable[str]:
    if is_end or not alert.kind:
        return
    others, number = int(alert.content["others"]), int(alert.content["count"])
    if others:
        yield ngettext("%(n)d other problem is open.", "%(n)d other problems are open.", others) % {"n": others}
    yield ngettext(
        "You get one more email when this ends.",
        "You get one more email when this has ended for all %(n)d.",
        number,
    ) % {"n": number}


def _of_pause(team: Team, name: str, content: dict[str, Any]) -> Letter:
    values = {"team": name, "channel": alert_text.shown(content["channel"])}
    since = alert_text.moment(content["failing_since"])
    return Letter(
        subject=_("[%(team)s] Alerts to %(channel)s are paused") % values,
        heading=_("Alerts to %(channel)s are paused") % values,
        badge=f"! {_('Paused')}",
        tone="warn",
        sentences=(
            _("Every message has failed for three days. Nothing is sent there until the channel is resumed."),
            content["failure"],
        ),
        facts=((_("Failing since"), alert_text.at_text(since)),) if since else (),
        link=(_("Open the alert settings"), site_url("snapshots:alert_settings", team)),
        why=_("You get this because you are an admin of %(team)s.") % {"team": alert_text.shown(team.name)},
    )


def _of_summary(team: Team, alerts: list[dict[str, Any]]) -> Letter:
    number = len(alerts)
    values = {"team": alert_text.shown(team.name, alert_text.MOST_TEAM), "n": number}
    left = number - MOST_SUMMARIZED
    return Letter(
        subject=ngettext("[%(team)s] %(n)d more alert", "[%(team)s] %(n)d more alerts", number) % values,
        heading=ngettext("%(n)d more alert", "%(n)d more alerts", number) % values,
        sentences=(_("There were too many within an hour to send each of them."),),
        link=(_("Open alerts"), site_url("snapshots:alerts", team)),
        columns=(_("Alert"),),
        rows=tuple(Row(each["title"], each["url"]) for each in alerts[:MOST_SUMMARIZED]),
        more=ngettext("and %(n)d more", "and %(n)d more", left) % {"n": left} if left > 0 else "",
    )
