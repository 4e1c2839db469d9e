"""Settings, all from the environment; `.env.example` explains each. SITE_URL decides: https is production."""

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _

from dashboard.run import check_settings
from dashboard.secrets import Secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")


def text(name: str, default: str = "") -> str:
    """Read a variable; an empty value is treated as unset."""
    return env.str(name, default="").strip() or default


def items(name: str) -> list[str]:
    return [item.strip() for item in text(name).split(",") if item.strip()]


def flag(name: str) -> bool:
    return env.bool(name, default=False) if text(name) else False


# Who we are

RELEASE = str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
SITE_URL = text("SITE_URL", "http://localhost:8000").rstrip("/").lower()
PRODUCTION = SITE_URL.startswith("https://")
DEBUG = flag("DEBUG")
SECRET_KEY = text("SECRET_KEY", "" if PRODUCTION else check_settings.LOOPBACK_SECRET)
API_KEY_ENCRYPTION_KEYS = items("API_KEY_ENCRYPTION_KEYS")
CLOUDCA_API_URL = text("CLOUDCA_API_URL", "https://api.cloud.ca/v1").rstrip("/")
CLOUDCA_PROXY = Secret(text("CLOUDCA_PROXY")) if text("CLOUDCA_PROXY") else None  # it may contain a password
CLOUDCA_CA_BUNDLE = str(BASE_DIR / text("CLOUDCA_CA_BUNDLE")) if text("CLOUDCA_CA_BUNDLE") else ""
HEARTBEAT_URL = text("HEARTBEAT_URL", "")
ALERT_PRIVATE_HOSTS = frozenset(host.lower().strip("[]").rstrip(".") for host in items("ALERT_PRIVATE_HOSTS"))
OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_NAME = text("OIDC_ISSUER"), text("OIDC_CLIENT_ID"), text("OIDC_NAME")
OIDC_CLIENT_SECRET = Secret(text("OIDC_CLIENT_SECRET"))
# Only the hash: the token is only compared.
METRICS_TOKEN_DIGEST = check_settings.digest(text("METRICS_TOKEN"))
problems = [
    *check_settings.site_url(SITE_URL),
    *check_settings.debug(DEBUG, production=PRODUCTION),
    *check_settings.secret_key(SECRET_KEY, production=PRODUCTION),
    *check_settings.encryption_keys(API_KEY_ENCRYPTION_KEYS, secret_key=SECRET_KEY, production=PRODUCTION),
    *check_settings.allowed_hosts(items("ALLOWED_HOSTS"), production=PRODUCTION),
    *check_settings.api_url(CLOUDCA_API_URL),
    *check_settings.proxy(text("CLOUDCA_PROXY")),
    *check_settings.ca_bundle(CLOUDCA_CA_BUNDLE),
    *check_settings.metrics_token(text("METRICS_TOKEN"), others=[SECRET_KEY, *API_KEY_ENCRYPTION_KEYS]),
    *check_settings.oidc(OIDC_ISSUER, OIDC_CLIENT_ID, text("OIDC_CLIENT_SECRET"), OIDC_NAME),
    *check_settings.scheme("DATABASE_URL", text("DATABASE_URL"), check_settings.DATABASE_SCHEMES),
    *check_settings.scheme("CACHE_URL", text("CACHE_URL"), check_settings.CACHE_SCHEMES),
    *check_settings.scheme("EMAIL_URL", text("EMAIL_URL"), check_settings.EMAIL_SCHEMES),
    *check_settings.whole_number("SYNC_TTL_SECONDS", text("SYNC_TTL_SECONDS", "60"), least=1),
    *check_settings.whole_number("HISTORY_DAYS", text("HISTORY_DAYS", "400"), least=1, most=check_settings.MOST_DAYS),
    *check_settings.whole_number("CHANGES_DAYS", text("CHANGES_DAYS", "90"), least=1, most=check_settings.MOST_DAYS),
    *check_settings.whole_number("AUDIT_DAYS", text("AUDIT_DAYS", "400"), least=1, most=check_settings.MOST_DAYS),
    *check_settings.whole_number("TRUSTED_PROXIES", text("TRUSTED_PROXIES", "0"), least=0),
]
if problems:
    check_settings.refuse(problems)

SITE_HOST = urlsplit(SITE_URL).hostname or ""
LOOPBACK_HOSTS = [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = items("ALLOWED_HOSTS") or [f"[{SITE_HOST}]" if ":" in SITE_HOST else SITE_HOST, *LOOPBACK_HOSTS]
SYNC_TTL_SECONDS = int(text("SYNC_TTL_SECONDS", "60"))
HISTORY_DAYS = int(text("HISTORY_DAYS", "400"))
CHANGES_DAYS = int(text("CHANGES_DAYS", "90"))
AUDIT_DAYS = int(text("AUDIT_DAYS", "400"))
TRUSTED_PROXIES = int(text("TRUSTED_PROXIES", "0"))

# Apps and middleware

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "heroicons",
    "dashboard.teams",
    "snapshots",
]
# The first six wrap everything that can fail: every answer carries the headers and a request id, and is counted.
MIDDLEWARE = [
    "dashboard.http.request_log.with_request_id",
    "dashboard.http.metrics.counting",
    "csp.middleware.CSPMiddleware",
    "dashboard.http.headers.with_headers",
    "dashboard.http.body_limits.limited",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # a page of rows: 82 KB to 8; it pads against length oracles (BREACH)
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.teams.access.guard.AccessMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "snapshots.views.common.shell.shell",
            ]
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]

# Databases, caches and sessions

VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)  # for the default database: SQLite creates files but not folders
# How long a writer waits for another. The longest sync (100,000 changed snapshots) writes for some seconds, and nobody
# else's write may fail in the meantime; but a request must end before gunicorn's timeout (60 s).
LOCK_SECONDS = 20
DATABASE = env.db_url_config(text("DATABASE_URL", f"sqlite:///{VAR_DIR}/db.sqlite3"))
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    DATABASE |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # else reading before writing would fail without waiting
        "timeout": LOCK_SECONDS,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASE["ENGINE"] = "dashboard.backends.postgresql"
    DATABASE["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 16, "timeout": 5},  # per process
        "connect_timeout": 5,
        # A process that hangs while writing does not lock a row forever.
        "options": f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout=60s",
    } | DATABASE.get("OPTIONS", {})
DATABASES = {"default": DATABASE}
CACHES: dict[str, dict[str, object]] = {
    "default": {
        "BACKEND": "dashboard.backends.redis_cache.ReadableDatabaseCache",
        "LOCATION": "cache_entries",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
    "fragments": {
        "BACKEND": "dashboard.backends.redis_cache.BoundedLocMemCache",
        "LOCATION": "fragments",
        "OPTIONS": {"MAX_ENTRIES": 1_000, "max_bytes": 16 * 2**20},
    },
    "sessions": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
if text("CACHE_URL"):
    REDIS: dict[str, object] = {
        "BACKEND": "dashboard.backends.redis_cache.SteadyRedisCache",
        "LOCATION": text("CACHE_URL"),
    }
    STAND_INS = {f"{name}_stand_in": cache for name, cache in CACHES.items()}
    CACHES = STAND_INS | {
        name: REDIS | {"KEY_PREFIX": name, "OPTIONS": {"stand_in": f"{name}_stand_in"}} for name in CACHES
    }
    # At most as long as a process avoids a Redis that did not answer: if an ended session could not be removed from it,
    # it has expired there by then.
    CACHES["sessions"]["OPTIONS"] = {"stand_in": "sessions_stand_in", "longest": 5}
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": STATICFILES_STORAGE},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Files that browsers and crawlers ask for at the root without being told of them.
WHITENOISE_ROOT = BASE_DIR / "static" / "root"

# Sign-in

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
PASSWORD_RESET_TIMEOUT = 3 * 60 * 60
ACCOUNT_ADAPTER = "dashboard.teams.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # `User.address_proof` says how an address was proved
ACCOUNT_FORMS = {
    "login": "dashboard.teams.account.password_links.SignInForm",
    "reset_password": "dashboard.teams.account.password_links.ResetForm",
    "user_token": "dashboard.teams.account.password_links.LinkForm",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_RATE_LIMITS = False  # dashboard.limits counts, in one place for all
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_ADAPTER = "dashboard.teams.mfa.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "activate_totp": "dashboard.teams.mfa.forms.NewAppForm",
    "authenticate": "dashboard.teams.mfa.forms.CodeForm",
    "reauthenticate": "dashboard.teams.mfa.forms.CodeAgainForm",
    "add_webauthn": "dashboard.teams.mfa.forms.NewPasskeyForm",
    "edit_webauthn": "dashboard.teams.mfa.forms.RenameForm",
    "authenticate_webauthn": "dashboard.teams.mfa.forms.PasskeyForm",
    "reauthenticate_webauthn": "dashboard.teams.mfa.forms.PasskeyAgainForm",
    "login_webauthn": "dashboard.teams.mfa.forms.PasskeySignInForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # browsers also accept http on this machine as secure
MFA_TOTP_TOLERANCE = 1  # a clock may be wrong by half a minute
MFA_RATE_LIMITS = False
SESSION_ENGINE = "dashboard.backends.sessions"
SESSION_CACHE_ALIAS = "sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_NAME = "__Host-sessionid" if PRODUCTION else "sessionid"
SESSION_COOKIE_SECURE = PRODUCTION
KNOWN_BROWSER_COOKIE_NAME = "__Host-known-browser" if PRODUCTION else "known-browser"
CSRF_COOKIE_NAME = "__Host-csrftoken" if PRODUCTION else "csrftoken"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
# Sign-in through a provider is our own code: no provider of allauth is installed.
OIDC_NAME = OIDC_NAME or urlsplit(OIDC_ISSUER).hostname or ""
OIDC_COOKIE_NAME = "__Host-oidc" if PRODUCTION else "oidc"
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "dashboard.http.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"  # a stranger's message makes no session
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 0  # no view takes one

# Security headers

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION and TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION and flag("HSTS_PRELOAD")
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # preloading affects a whole domain for years: the operator decides
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

# Mail and log

MAIL = env.email_url_config(text("EMAIL_URL", "dummymail://" if PRODUCTION else "consolemail://"))
EMAIL_BACKEND = MAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH = MAIL["EMAIL_FILE_PATH"]
EMAIL_HOST = MAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", f"snapshots@{SITE_HOST}")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "dashboard.http.request_log.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "urllib3": {"level": "WARNING"},
    },
}
