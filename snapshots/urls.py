"""The addresses of a team's snapshots. A value that does not fit its converter is a 404 before any view runs."""

from django.urls import register_converter
from django.urls.converters import StringConverter
from django.views.generic import RedirectView

from dashboard.teams.access.capabilities import ADMIN, MEMBER, SHARE, SIGNED_IN, VIEWER, path
from snapshots.views import exports, home, search
from snapshots.views.alerts import acknowledge, feed, ticks
from snapshots.views.alerts import list_page as alerts
from snapshots.views.changes import list_page
from snapshots.views.leftovers import list_page as leftovers
from snapshots.views.reports import page as reports
from snapshots.views.settings import alert_channels, environments, key, saved_views, targets, tokens
from snapshots.views.sharing import manage_links, public_page
from snapshots.views.snapshots import check, snapshot_page
from snapshots.views.snapshots import list_page as lists
from snapshots.views.volumes import exclude, look, rhythms, volume_view
from snapshots.views.volumes import list_page as volumes


class SegmentConverter(StringConverter):
    """A service code or an environment name, as the client accepts them."""

    regex = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


class SnapshotIdConverter(SegmentConverter):
    """A UUID in the provider's form; upper case in a pasted address is read as lower case."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        return value.lower()


class MonthConverter(StringConverter):
    """A month as in an ISO date."""

    regex = "[0-9]{4}-[0-9]{2}"


class AnythingConverter(StringConverter):
    """Any text of any length. The view ignores what is not valid."""

    regex = r"[\s\S]*"


register_converter(AnythingConverter, "anything")
register_converter(MonthConverter, "month")
register_converter(SegmentConverter, "segment")
register_converter(SnapshotIdConverter, "snapshot_id")

app_name = "snapshots"
ONE = "t/<slug:team>/snapshots/<segment:service_code>/<segment:environment_name>/<snapshot_id:snapshot_id>/"
VOLUME = "t/<slug:team>/volumes/<segment:service_code>/<segment:environment_name>/<snapshot_id:volume_id>/"
PROBLEMS = "t/<slug:team>/alerts/"
RHYTHMS = "t/<slug:team>/rhythms/"
REPORTS = "t/<slug:team>/reports/"
LINKS = "t/<slug:team>/settings/shared-links/"
PLACES = "t/<slug:team>/settings/environments/"
TOKENS = "t/<slug:team>/settings/tokens/"
ALERTS = "t/<slug:team>/settings/alerts/"
PLACE = f"{PLACES}<segment:service_code>/<segment:environment_name>/"
# A view for each page and format: who looks at the table of who may do what sees them all.
EXPORTS = [
    path(f"t/<slug:team>/{place}/export.{kind}", view, {"kind": kind}, name=f"{page}_{kind}", get=VIEWER)
    for place, page, view in (
        ("snapshots", "list", exports.list_export),
        ("volumes", "volumes", exports.volumes_export),
        ("changes", "changes", exports.changes_export),
        ("leftovers", "leftovers", exports.leftovers_export),
        ("alerts", "alerts", exports.alerts_export),
        ("reports", "reports", exports.reports_export),
    )
    for kind in ("xlsx", "csv", "json")
]
# Addresses of earlier versions, which people have in bookmarks and messages.
FORMER = [
    path(
        f"t/<slug:team>/{former}/",
        RedirectView.as_view(pattern_name=f"snapshots:{name}", permanent=True, query_string=True),
        name=f"former_{name}",
        get=VIEWER,
    )
    for former, name in (
        ("volumes/exempt", "exclude"),
        ("volumes/judge-again", "resume"),
        ("settings/not-judged", "exclusions"),
    )
]
urlpatterns = [
    *FORMER,
    path("", home.home, name="home", get=SIGNED_IN),
    path("teams/", home.team_choice, name="teams", get=SIGNED_IN),
    path("t/<slug:team>/", home.team_home, name="team_home", get=VIEWER),
    path("t/<slug:team>/volumes/", volumes.volumes_page, name="volumes", get=VIEWER),
    path("t/<slug:team>/volumes/exclude/", exclude.exclude, name="exclude", get=MEMBER, post=MEMBER),
    path("t/<slug:team>/volumes/resume/", exclude.resume, name="resume", get=MEMBER, post=MEMBER),
    path("t/<slug:team>/volumes/target/", exclude.target, name="volume_targets", get=MEMBER, post=MEMBER),
    path("t/<slug:team>/undo/", exclude.undo, name="undo", post=MEMBER),
    path("t/<slug:team>/volumes/look/", look.save_look, name="volumes_look", post=VIEWER),
    path("t/<slug:team>/volumes/seen/", look.mark_seen, name="volumes_seen", post=VIEWER),
    path("t/<slug:team>/volumes/stopped/", exclude.stopped, name="stopped", post=MEMBER),
    path(RHYTHMS, rhythms.review, name="rhythms", get=MEMBER, post=MEMBER),
    path(f"{RHYTHMS}later/", rhythms.later, name="rhythms_later", post=MEMBER),
    path(f"{RHYTHMS}end/", rhythms.end, name="rhythm_end", post=MEMBER),
    path("t/<slug:team>/search/", search.search, name="search", get=VIEWER),
    path("t/<slug:team>/views/", saved_views.view_list, name="views", get=VIEWER),
    path("t/<slug:team>/views/save/", saved_views.save, name="view_save", post=MEMBER),
    path("t/<slug:team>/views/delete/", saved_views.delete, name="view_delete", post=MEMBER),
    path("t/<slug:team>/views/start/", saved_views.start, name="view_start", post=ADMIN),
    path("t/<slug:team>/settings/targets/", targets.target_page, name="targets", get=VIEWER, post=MEMBER),
    path("t/<slug:team>/settings/exclusions/", targets.exclusion_page, name="exclusions", get=VIEWER, post=MEMBER),
    path("t/<slug:team>/volumes/refresh/", volumes.refresh, name="volumes_refresh", post=VIEWER),
    path(VOLUME, volume_view.volume, name="volume", get=VIEWER, post=VIEWER),
    path(f"{VOLUME}deleted/", volume_view.volume_deleted, name="volume_deleted", post=MEMBER),
    path("t/<slug:team>/snapshots/", lists.snapshot_list, name="list", get=VIEWER),
    path("t/<slug:team>/snapshots/volumes/", lists.volume_choices, name="volume_choices", get=VIEWER),
    path("t/<slug:team>/snapshots/counts/", lists.menus, name="list_counts", get=VIEWER),
    path("t/<slug:team>/snapshots/refresh/", lists.refresh, name="refresh", post=VIEWER),
    *EXPORTS,
    path("t/<slug:team>/changes/", list_page.change_list, name="changes", get=VIEWER),
    path("t/<slug:team>/changes/volumes/", list_page.volume_choices, name="changes_volume_choices", get=VIEWER),
    path("t/<slug:team>/changes/counts/", list_page.menus, name="changes_counts", get=VIEWER),
    path("t/<slug:team>/changes/refresh/", list_page.refresh, name="changes_refresh", post=VIEWER),
    path("t/<slug:team>/leftovers/", leftovers.leftovers_page, name="leftovers", get=VIEWER),
    path("t/<slug:team>/leftovers/refresh/", leftovers.refresh, name="leftovers_refresh", post=VIEWER),
    path(REPORTS, reports.any_range, name="reports", get=VIEWER),
    path(f"{REPORTS}<month:month>/", reports.month, name="report", get=VIEWER),
    path(PROBLEMS, alerts.alerts, name="alerts", get=VIEWER),
    path(f"{PROBLEMS}refresh/", alerts.refresh, name="alerts_refresh", post=VIEWER),
    path(f"{PROBLEMS}tick/", ticks.tick, name="alerts_tick", post=VIEWER),
    path(f"{PROBLEMS}acknowledge/", acknowledge.acknowledge, name="alerts_acknowledge", get=MEMBER, post=MEMBER),
    path(f"{PROBLEMS}end/", acknowledge.end, name="alerts_end", post=MEMBER),
    path(ONE, snapshot_page.snapshot_detail, name="detail", get=VIEWER),
    path(f"{ONE}check/", check.check, name="check", post=VIEWER),
    # Below the path of shared links, as it is a secret too: logs leave it out, and no cookie is read.
    path("s/feed.<anything:link>", feed.feed, name="feed", get=SHARE),
    path("s/<anything:link>", public_page.share, name="share", get=SHARE),
    path(f"{ONE}share/", manage_links.make, name="share_make", post=MEMBER),
    path(LINKS, manage_links.link_list, name="share_links", get=MEMBER),
    path(f"{LINKS}revoke-all/", manage_links.revoke_all, name="share_revoke_all", get=MEMBER, post=MEMBER),
    path(f"{LINKS}<slug:public_id>/revoke/", manage_links.revoke, name="share_revoke", post=MEMBER),
    path(
        "t/<slug:team>/settings/security/shared-links/", manage_links.switch, name="share_switch", get=ADMIN, post=ADMIN
    ),
    path("t/<slug:team>/settings/key/", key.key, name="key", get=ADMIN, post=ADMIN),
    path("t/<slug:team>/settings/key/save/", key.save, name="key_save", post=ADMIN),
    path("t/<slug:team>/settings/key/cancel/", key.cancel, name="key_cancel", post=ADMIN),
    path(PLACES, environments.environment_list, name="environments", get=ADMIN),
    path(f"{PLACES}add/", environments.add, name="environment_add", post=ADMIN),
    path(f"{PLACES}look/", environments.look, name="environment_look", post=ADMIN),
    path(f"{PLACE}remove/", environments.remove, name="environment_remove", get=ADMIN, post=ADMIN),
    path(TOKENS, tokens.tokens_page, name="tokens", get=MEMBER, post=MEMBER),
    path(f"{TOKENS}<int:access_token>/revoke/", tokens.revoke, name="token_revoke", post=MEMBER),
    path(ALERTS, alert_channels.alert_settings, name="alert_settings", get=VIEWER),
    path(f"{ALERTS}mail/", alert_channels.own_mail, name="alert_mail", post=VIEWER),
    path(f"{ALERTS}webhooks/", alert_channels.add_webhook, name="alert_webhook_add", post=ADMIN),
    path(f"{ALERTS}services/", alert_channels.add_service, name="alert_service_add", post=ADMIN),
    path(f"{ALERTS}feed/", alert_channels.feed, name="alert_feed", post=VIEWER),
    path(f"{ALERTS}<int:channel>/", alert_channels.webhook, name="alert_channel", get=ADMIN, post=ADMIN),
    path(f"{ALERTS}<int:channel>/act/", alert_channels.act, name="alert_channel_act", post=VIEWER),
    path(f"{PLACE}try/", environments.try_again, name="environment_try", post=ADMIN),
]
