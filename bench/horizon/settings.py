"""OpenStack Horizon as its own settings make it for production: no DEBUG, so its templates are cached."""

import os
import sys

from openstack_dashboard.settings import *  # noqa: F403

DEBUG = False
SECRET_KEY = "for-the-benchmark-alone"
ALLOWED_HOSTS = ["127.0.0.1"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
OPENSTACK_KEYSTONE_URL = "http://127.0.0.1/identity/v3"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
API_RESULT_PAGE_SIZE = 50
# Scripts and styles are joined beforehand: python -m django collectstatic, then compress.
STATIC_ROOT = os.path.join(sys.prefix, "static")
COMPRESS_ENABLED = COMPRESS_OFFLINE = True
