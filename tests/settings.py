"""The product's own settings with test values: real middleware, real database, a fast password hasher."""

import os

os.environ |= {
    "SECRET_KEY": "test-only-" + "k" * 60,
    "API_KEY_ENCRYPTION_KEYS": "Zm9yLXRoZS10ZXN0cy1vbmx5LTMyLWJ5dGVzLWxvbmc=",
    # Set to nothing, so that a developer's .env does not reach into the tests.
    **dict.fromkeys(["SITE_URL", "DEBUG", "ALLOWED_HOSTS", "EMAIL_URL", "CLOUDCA_API_URL", "TRUSTED_PROXIES"], ""),
    # Only a Redis that the tests may empty; each of the test processes has its own database in it.
    "CACHE_URL": f"{os.environ['TEST_REDIS_URL']}/{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]}"
    if os.environ.get("TEST_REDIS_URL")
    else "",
    "DATABASE_URL": os.environ.get("DATABASE_URL", ""),
    **dict.fromkeys(["CLOUDCA_PROXY", "CLOUDCA_CA_BUNDLE", "ALERT_PRIVATE_HOSTS", "HEARTBEAT_URL"], ""),
    **dict.fromkeys(["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME"], ""),
    **dict.fromkeys(["SYNC_TTL_SECONDS", "HISTORY_DAYS", "CHANGES_DAYS", "AUDIT_DAYS"], ""),
    **dict.fromkeys(["HSTS_PRELOAD", "DEFAULT_FROM_EMAIL", "METRICS_TOKEN"], ""),
}

from dashboard.settings import *  # noqa: F403

ON_REDIS = bool(os.environ["CACHE_URL"])
PASSWORD_HASHERS = ["tests.hasher.QuickHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Else WhiteNoise reads all its files again for the client of each test.
STATIC_ROOT = None  # type: ignore[assignment]
