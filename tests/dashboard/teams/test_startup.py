"""What the settings refuse and become; and real processes, as a refusal is what the person at the terminal sees."""

import json
import os
import runpy
import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db.migrations.loader import MigrationLoader

from tests import started
from tests.loops import in_turn

ROOT = Path(__file__).parents[3]
RING_KEY = Fernet.generate_key().decode()
SECRET = secrets.token_hex(40)
NAMES = ["ALLOWED_HOSTS", "API_KEY_ENCRYPTION_KEYS", "CACHE_URL", "CLOUDCA_API_URL", "DATABASE_URL", "DEBUG"]
NAMES += ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ISSUER", "OIDC_NAME"]
NAMES += ["DEFAULT_FROM_EMAIL", "EMAIL_URL", "HISTORY_DAYS", "HSTS_PRELOAD", "SECRET_KEY", "SITE_URL"]
UNSET = dict.fromkeys([*NAMES, "AUDIT_DAYS", "CHANGES_DAYS", "SYNC_TTL_SECONDS", "TRUSTED_PROXIES"], "")
LOOPBACK = UNSET | {"DJANGO_SETTINGS_MODULE": "dashboard.settings", "API_KEY_ENCRYPTION_KEYS": RING_KEY}
OIDC = {"OIDC_ISSUER": "https://login.test/a/", "OIDC_CLIENT_ID": "dashboard", "OIDC_CLIENT_SECRET": SECRET}
SITE = LOOPBACK | {
    "SITE_URL": "https://snapshots.test",
    "SECRET_KEY": SECRET,
    "EMAIL_URL": "smtp+tls://u:p@mail.test:587",
}


def run(*command: str, **variables: str) -> started.Done:
    return started.run(*command, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | variables)


def settings_of(names: list[str], variables: dict[str, str]) -> dict[str, Any]:
    """Run the file of the settings once more, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        found = runpy.run_path(str(ROOT / "dashboard/settings.py"))
    said: dict[str, Any] = json.loads(json.dumps({name: found[name] for name in names}))
    return said


@in_turn(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "k3y-" * 5}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "a" * 80}, "SECRET_KEY is too short or too plain"),
        ({"SECRET_KEY": "django-insecure-" + SECRET}, "SECRET_KEY looks like an example"),
        ({"API_KEY_ENCRYPTION_KEYS": ""}, "API_KEY_ENCRYPTION_KEYS is missing"),
        ({"API_KEY_ENCRYPTION_KEYS": "too-short"}, "no random 32-byte key"),
        ({"API_KEY_ENCRYPTION_KEYS": "A" * 43 + "="}, "no random 32-byte key"),
        ({"API_KEY_ENCRYPTION_KEYS": f"{RING_KEY},éééé"}, "no random 32-byte key"),
        ({"API_KEY_ENCRYPTION_KEYS": RING_KEY, "SECRET_KEY": RING_KEY, "SITE_URL": ""}, "holds the SECRET_KEY"),
        ({"SITE_URL": "http://snapshots.test"}, "SITE_URL must begin with https://"),
        ({"SITE_URL": "snapshots.test"}, "SITE_URL must be an address"),
        ({"SITE_URL": "https://snapshots.test/app"}, "SITE_URL must end after the host"),
        ({"SITE_URL": "https://me@snapshots.test"}, "SITE_URL must end after the host"),
        ({"SITE_URL": "HTTPS://snapshots.test", "SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"ALLOWED_HOSTS": "snapshots.test,*"}, "ALLOWED_HOSTS holds *"),
        ({"DEBUG": "on"}, "DEBUG is on"),
        ({"CLOUDCA_API_URL": "http://api.cloud.ca/v1"}, "CLOUDCA_API_URL must begin with https://"),
        ({"CLOUDCA_API_URL": "https://key@api.cloud.ca/v1"}, "no user name"),
        ({"CLOUDCA_API_URL": "https://api.cloud.ca/v1?x=1"}, "no ?"),
        ({"CLOUDCA_API_URL": "https://api.cloud.ca/v1#x"}, "no #"),
        ({"CLOUDCA_API_URL": "file:///etc/passwd"}, "CLOUDCA_API_URL must be an address"),
        ({"CACHE_URL": "memcache://x"}, "CACHE_URL must be an address"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must be an address"),
        ({"EMAIL_URL": "pigeon://x"}, "EMAIL_URL must be an address"),
        ({"SYNC_TTL_SECONDS": "soon"}, "SYNC_TTL_SECONDS must be a whole number"),
        ({"HISTORY_DAYS": "0"}, "HISTORY_DAYS must be a whole number of at least 1"),
        ({"CHANGES_DAYS": "36501"}, "CHANGES_DAYS must be a whole number of at least 1 and at most 36500"),
        ({"AUDIT_DAYS": "9" * 5000}, "AUDIT_DAYS must be a whole number of at least 1"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be a whole number"),
        ({"OIDC_ISSUER": "https://login.test"}, "OIDC_CLIENT_ID, OIDC_CLIENT_SECRET is missing"),
        ({"OIDC_NAME": "Login"}, "OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET is missing"),
        (OIDC | {"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET is missing"),
        (OIDC | {"OIDC_CLIENT_SECRET": f"{SECRET} x"}, "must each be one word"),
        (OIDC | {"OIDC_CLIENT_ID": "ähnlich"}, "must each be one word"),
        ({"METRICS_TOKEN": SECRET[:31]}, "METRICS_TOKEN must be one random word of at least 32"),
        (OIDC | {"OIDC_NAME": "x" * 41}, "OIDC_NAME must be a name of at most 40 letters"),
        (OIDC | {"OIDC_ISSUER": "login.test"}, "OIDC_ISSUER must be an address"),
        (OIDC | {"OIDC_ISSUER": "https://login.test/" + "x" * 200}, "OIDC_ISSUER must be an address"),
        (OIDC | {"OIDC_ISSUER": "http://login.test"}, "OIDC_ISSUER must begin with https://"),
        (OIDC | {"OIDC_ISSUER": "https://me@login.test"}, "OIDC_ISSUER must hold no user name"),
        (OIDC | {"OIDC_ISSUER": "https://login.test?x=1"}, "OIDC_ISSUER must hold no user name, no ?"),
        (OIDC | {"OIDC_ISSUER": "https://login.test/.well-known/openid-configuration"}, "end before /.well-known"),
    ],
)
def test_wrong_setting_refuses_the_start_in_one_sentence(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        settings_of([], SITE | changes)
    said = str(refusal.value)
    assert sentence in said
    assert (len(said.splitlines()), SECRET in said, RING_KEY in said) == (1, False, False)


def test_all_that_is_wrong_is_said_at_once() -> None:
    done = run(
        "manage.py", "migrate", **LOOPBACK | {"API_KEY_ENCRYPTION_KEYS": "", "SITE_URL": "https://snapshots.test"}
    )
    assert done.returncode == 1
    assert [line.split()[5] for line in done.stderr.splitlines()] == ["SECRET_KEY", "API_KEY_ENCRYPTION_KEYS"]


def test_web_server_ends_with_the_sentence() -> None:
    done = run("-m", "gunicorn", "dashboard.wsgi", **SITE | {"SECRET_KEY": "", "BIND": "127.0.0.1:0"})
    assert done.returncode == 1
    assert "SECRET_KEY is missing" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_production_passes_the_deployment_check() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **SITE)
    assert (done.returncode, done.stderr.count("silenced")) == (0, done.stderr.count("1 silenced")), done.stderr


@in_turn(
    ("variables", "warning"),
    [(SITE | {"EMAIL_URL": ""}, "teams.W002"), (LOOPBACK | {"API_KEY_ENCRYPTION_KEYS": ""}, "teams.W001")],
)
def test_what_it_can_start_without_is_a_warning(variables: dict[str, str], warning: str) -> None:
    done = run("manage.py", "check", "--fail-level", "WARNING", **variables)
    assert done.returncode == 1
    assert warning in done.stderr


def test_production_cookies_and_transport() -> None:
    names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
    names += ["SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT", "SECURE_PROXY_SSL_HEADER", "ALLOWED_HOSTS"]
    found = list(settings_of(names, SITE).values())
    assert found == ["__Host-sessionid", "__Host-csrftoken", True, True, 31536000, True, None, ["snapshots.test"]]


@in_turn(("proxies", "header"), [("", None), ("2", ["HTTP_X_FORWARDED_PROTO", "https"])])
def test_proxy_headers_are_believed_only_when_proxies_are_counted(proxies: str, header: list[str] | None) -> None:
    names = ["SECURE_PROXY_SSL_HEADER", "ALLAUTH_TRUSTED_PROXY_COUNT"]
    found = settings_of(names, SITE | {"TRUSTED_PROXIES": proxies})
    assert list(found.values()) == [header, int(proxies or 0)]


def test_provider_of_sign_ins_is_named_by_its_host_unless_told_otherwise() -> None:
    named = settings_of(["OIDC_ISSUER", "OIDC_NAME", "OIDC_COOKIE_NAME"], SITE | OIDC)
    assert list(named.values()) == ["https://login.test/a/", "login.test", "__Host-oidc"]
    assert settings_of(["OIDC_NAME"], SITE | OIDC | {"OIDC_NAME": "Acme Login"}) == {"OIDC_NAME": "Acme Login"}


def test_loopback_is_plain() -> None:
    names = ["SITE_URL", "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "ALLOWED_HOSTS"]
    found = list(settings_of(names, LOOPBACK).values())
    assert found[:4] == ["http://localhost:8000", "sessionid", False, False]
    assert found[4] == ["localhost", "localhost", "127.0.0.1", "[::1]"]


def test_postgresql_and_redis_by_address() -> None:
    variables = LOOPBACK | {"DATABASE_URL": "postgres://u:p@db.test:5433/rows", "CACHE_URL": "redis://r.test/0"}
    found = settings_of(["DATABASES", "CACHES"], variables)
    database = found["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"], database["PORT"]) == (
        "dashboard.backends.postgresql",
        "db.test",
        5433,
    )
    assert (database["OPTIONS"]["pool"]["max_size"], database.get("CONN_MAX_AGE")) == (16, None)
    kept = {name: cache for name, cache in found["CACHES"].items() if "Redis" in cache["BACKEND"]}
    assert {cache["LOCATION"] for cache in kept.values()} == {"redis://r.test/0"}
    assert {cache["KEY_PREFIX"] for cache in kept.values()} == set(kept) == {"default", "fragments", "sessions"}


def test_what_the_address_of_the_database_says_wins() -> None:
    url = "postgres://u:p@db.test/rows?sslmode=verify-full&connect_timeout=2"
    options = settings_of(["DATABASES"], LOOPBACK | {"DATABASE_URL": url})["DATABASES"]["default"]["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("verify-full", 2)
    assert options["pool"]["timeout"] == 5


def test_migrate_alone_makes_the_cache_table_and_again_changes_nothing(tmp_path: Path, migrated: Path) -> None:
    """The first time it has run when the tests' own database was prepared."""
    variables = LOOPBACK | {"DATABASE_URL": f"sqlite:///{shutil.copy(migrated, tmp_path)}"}
    use = "import django; django.setup(); from django.core.cache import cache; cache.set('a', 1); print(cache.get('a'))"
    assert run("-c", use, **variables).stdout == "1\n"
    assert "No migrations to apply" in run("manage.py", "migrate", **variables).stdout


def test_every_migration_can_be_undone() -> None:
    ours = [each for (app, _), each in MigrationLoader(None).disk_migrations.items() if app in ("teams", "snapshots")]
    assert [each.name for each in ours if not all(step.reversible for step in each.operations)] == []
    assert len(ours) > 2


@pytest.mark.proof
def test_migrating_back_to_the_first(tmp_path: Path, migrated: Path) -> None:
    variables = LOOPBACK | {"DATABASE_URL": f"sqlite:///{shutil.copy(migrated, tmp_path)}"}
    back = run("manage.py", "migrate", "teams", "0001", **variables)
    assert back.returncode == 0, back.stderr


def test_sqlite_waits_and_writes_ahead(tmp_path: Path) -> None:
    ask = (
        "import django; django.setup(); from django.db import connection as c; cursor = c.cursor(); "
        "print([cursor.execute(f'PRAGMA {p}').fetchone()[0] for p in "
        "('journal_mode', 'synchronous', 'busy_timeout', 'foreign_keys')])"
    )
    done = run("-c", ask, **LOOPBACK | {"DATABASE_URL": f"sqlite:///{tmp_path}/rows.sqlite3"})
    assert done.stdout == "['wal', 1, 20000, 1]\n", done.stderr
