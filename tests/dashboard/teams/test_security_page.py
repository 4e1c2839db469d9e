"""The numbers of SECURITY.md are those of the program."""

from pathlib import Path

from django.conf import settings

from dashboard.teams.access import tokens
from dashboard.teams.account import sign_in_limits
from dashboard.teams.core import mail_limits
from snapshots.alerts import deliver
from snapshots.lists import export
from snapshots.views import exports as export_views
from snapshots.views.common import refreshing
from snapshots.views.settings import key
from snapshots.views.sharing import public_page
from snapshots.views.snapshots import check
from tests.loops import in_turn

ROOT = Path(__file__).resolve().parents[3]
FORMS = sign_in_limits.FORMS
MINUTES = sign_in_limits.WRONG_SECONDS // 60


def per_minute(*views: str) -> str:
    (most,) = {FORMS[view][1] for view in views}
    return f"{most} a minute"


ROWS = {
    "wrong passwords for an account, from all": f"{sign_in_limits.WRONG} in {MINUTES} minutes",
    "wrong passwords for an account, from one": f"{sign_in_limits.WRONG} in {MINUTES} minutes",
    "wrong codes or passkeys": f"{sign_in_limits.WRONG} in {MINUTES} minutes",
    "wrong passwords of a client": f"{sign_in_limits.WRONG_OF_CLIENT} a minute",
    "tries to sign in": f"{sign_in_limits.TRIES_OF_CLIENT} a minute",
    "forms of a client: ask": per_minute("account_reset_password", "account_reset_password_from_key"),
    "forms of a client: a passkey": per_minute("mfa_login_webauthn", "oidc_start", "invitation", "setup"),
    "forms of a session: change": per_minute("account_change_password", "account_set_password"),
    "forms of a session: confirm": per_minute("account_reauthenticate"),
    "forms of a person": per_minute("account_change_email"),
    "mails to an address": f"{mail_limits.TO_ADDRESS} an hour",
    "notices to an address": f"{mail_limits.NOTICES_TO_ADDRESS} an hour",
    "mails of a person": f"{mail_limits.BY_PERSON} an hour",
    "wrong shared links": f"{public_page.WRONG_A_MINUTE} a minute",
    "views of shared links": f"{public_page.RIGHT_A_MINUTE} a minute",
    "requests of an access token": f"{tokens.MOST_A_MINUTE} a minute",
    "questions to the provider": f"{check.MOST_A_MINUTE} a minute",
    "API keys that a team": f"{key.MOST_TRIALS} a minute",
    "exports of a member": f"{export_views.MOST_OF_PERSON} an hour",
    "exports at once": f"{export.SLOTS.most_each} and {export.SLOTS.most}",
    "alerts to a channel": f"{deliver.MOST_AN_HOUR} an hour",
    "refreshes from pages": f"{refreshing.SLOTS.most}",
}


def limits() -> dict[str, str]:
    section = (ROOT / "SECURITY.md").read_text().partition("## Limits")[2].partition("## What is not protected")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return dict(lines[2:])


def test_every_limit_is_told_as_it_is() -> None:
    told = limits()
    assert len(told) == len(ROWS)
    for start, most in ROWS.items():
        assert [told[what] for what in told if what.startswith(start)] == [most], start


@in_turn(
    "sentence",
    [
        f"ends {settings.SESSION_COOKIE_AGE // 3600} hours after its sign-in",
        f"at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} KiB",
        f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields",
        f"for {sign_in_limits.KNOWN_DAYS} days",
        f"\n{tokens.WRITTEN_TOGETHER} of them before they are written",
    ],
)
def test_other_numbers_are_true(sentence: str) -> None:
    assert sentence in (ROOT / "SECURITY.md").read_text()
