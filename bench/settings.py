"""The product's own settings for a benchmark: real middleware, cache and password hashing; one address more.

DATABASE_URL, API_KEY_ENCRYPTION_KEYS, BENCH_STATIC_ROOT, BENCH_REAL_STATIC and BENCH_CACHE_URL come from the harness.
"""

import os
from pathlib import Path

os.environ |= {
    # Data must count as fresh during a whole run: no page requests a refresh, no row is labelled old.
    "SYNC_TTL_SECONDS": "86400",
    "CACHE_URL": os.environ.get("BENCH_CACHE_URL", ""),
    # Set to empty values, so that a developer's .env does not change the results.
    **dict.fromkeys(["SITE_URL", "DEBUG", "ALLOWED_HOSTS", "EMAIL_URL", "TRUSTED_PROXIES"], ""),
    **dict.fromkeys(["SECRET_KEY", "HISTORY_DAYS", "HSTS_PRELOAD", "DEFAULT_FROM_EMAIL"], ""),
}

from dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
STATIC_ROOT = Path(os.environ["BENCH_STATIC_ROOT"])
if "BENCH_REAL_STATIC" not in os.environ:
    # The same hashed file names as in the product, without the compressed copies that only a browser requests.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}  # noqa: F405
