"""The addresses of a team's snapshots. A value that does not fit its converter is a 404 before any view runs."""

from django.urls import path, register_converter

from snapshots.views import (
    acts,
    changes,
    check,
    detail,
    exports,
    home,
    lists,
    refresh,
    saved_views,
    settings_environments,
    settings_key,
    settings_tokens,
    share,
    share_links,
    targets,
    volume,
    volumes,
)


class SegmentConverter:
    """A service code or an environment name, as the client accepts them."""

    regex = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class SnapshotIdConverter(SegmentConverter):
    """A UUID in the provider's form; upper case in a pasted address is read as lower case."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        return value.lower()


class AnythingConverter:
    """Whatever follows, of any length: what is wrong with it is for the view to pass over in silence."""

    regex = r"[\s\S]*"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AnythingConverter, "anything")
register_converter(SegmentConverter, "segment")
register_converter(SnapshotIdConverter, "snapshot_id")

app_name = "snapshots"
ONE = "t/<slug:team>/snapshots/<segment:service_code>/<segment:environment_name>/<snapshot_id:snapshot_id>/"
VOLUME = "t/<slug:team>/volumes/<segment:service_code>/<segment:environment_name>/<snapshot_id:volume_id>/"
LINKS = "t/<slug:team>/settings/shared-links/"
PLACES = "t/<slug:team>/settings/environments/"
TOKENS = "t/<slug:team>/settings/tokens/"
PLACE = f"{PLACES}<segment:service_code>/<segment:environment_name>/"
# A view for each page and format: who looks at the table of who may do what sees them all.
EXPORTS = [
    path(f"t/<slug:team>/{place}/export.{kind}", view, {"kind": kind}, name=f"{page}_{kind}")
    for place, page, view in (
        ("snapshots", "list", exports.list_export),
        ("volumes", "volumes", exports.volumes_export),
        ("changes", "changes", exports.changes_export),
    )
    for kind in ("xlsx", "csv", "json")
]
urlpatterns = [
    path("", home.home, name="home"),
    path("teams/", home.team_choice, name="teams"),
    path("t/<slug:team>/", saved_views.team_home, name="team_home"),
    path("t/<slug:team>/volumes/", volumes.team_home, name="volumes"),
    path("t/<slug:team>/volumes/exempt/", acts.exempt, name="exempt"),
    path("t/<slug:team>/volumes/judge-again/", acts.judge_again, name="judge_again"),
    path("t/<slug:team>/volumes/stopped/", acts.stopped, name="stopped"),
    path("t/<slug:team>/views/", saved_views.view_list, name="views"),
    path("t/<slug:team>/views/save/", saved_views.save, name="view_save"),
    path("t/<slug:team>/views/delete/", saved_views.delete, name="view_delete"),
    path("t/<slug:team>/views/start/", saved_views.start, name="view_start"),
    path("t/<slug:team>/settings/targets/", targets.target_page, name="targets"),
    path("t/<slug:team>/settings/not-judged/", targets.exemption_page, name="exemptions"),
    path("t/<slug:team>/volumes/refresh/", volumes.refresh, name="volumes_refresh"),
    path(VOLUME, volume.volume, name="volume"),
    path(f"{VOLUME}deleted/", volume.volume_deleted, name="volume_deleted"),
    path("t/<slug:team>/snapshots/", lists.snapshot_list, name="list"),
    path("t/<slug:team>/snapshots/volumes/", lists.volume_choices, name="volume_choices"),
    path("t/<slug:team>/snapshots/refresh/", refresh.refresh, name="refresh"),
    *EXPORTS,
    path("t/<slug:team>/changes/", changes.change_list, name="changes"),
    path("t/<slug:team>/changes/refresh/", changes.refresh, name="changes_refresh"),
    path(ONE, detail.snapshot_detail, name="detail"),
    path(f"{ONE}check/", check.check, name="check"),
    path("s/<anything:link>", share.share, name="share"),
    path(f"{ONE}share/", share_links.make, name="share_make"),
    path(LINKS, share_links.link_list, name="share_links"),
    path(f"{LINKS}revoke-all/", share_links.revoke_all, name="share_revoke_all"),
    path(f"{LINKS}<slug:public_id>/revoke/", share_links.revoke, name="share_revoke"),
    path("t/<slug:team>/settings/security/shared-links/", share_links.switch, name="share_switch"),
    path("t/<slug:team>/settings/key/", settings_key.key, name="key"),
    path("t/<slug:team>/settings/key/save/", settings_key.save, name="key_save"),
    path("t/<slug:team>/settings/key/cancel/", settings_key.cancel, name="key_cancel"),
    path(PLACES, settings_environments.environment_list, name="environments"),
    path(f"{PLACES}add/", settings_environments.add, name="environment_add"),
    path(f"{PLACES}look/", settings_environments.look, name="environment_look"),
    path(f"{PLACE}remove/", settings_environments.remove, name="environment_remove"),
    path(TOKENS, settings_tokens.tokens_page, name="tokens"),
    path(f"{TOKENS}<int:access_token>/revoke/", settings_tokens.revoke, name="token_revoke"),
    path(f"{PLACE}try/", settings_environments.try_again, name="environment_try"),
]
