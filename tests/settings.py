"""The product's own settings with test values: real middleware, real database, a fast password hasher."""

import os

os.environ |= {
    "SECRET_KEY": "test-only-" + "k" * 60,
    "API_KEY_ENCRYPTION_KEYS": "Zm9yLXRoZS10ZXN0cy1vbmx5LTMyLWJ5dGVzLWxvbmc=",
    # Set to nothing, so that a developer's .env does not reach into the tests.
    **dict.fromkeys(
        ["SITE_URL", "DEBUG", "ALLOWED_HOSTS", "CACHE_URL", "EMAIL_URL", "CLOUDCA_API_URL", "TRUSTED_PROXIES"], ""
    ),
    **dict.fromkeys(["SYNC_TTL_SECONDS", "HISTORY_DAYS", "HSTS_PRELOAD", "DEFAULT_FROM_EMAIL"], ""),
}

from dashboard.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
