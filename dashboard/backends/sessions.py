"""Sessions are rows, read through the `sessions` cache if Redis is configured.

A session ends `SESSION_COOKIE_AGE` after the sign-in, even if it is saved later.
"""

import re
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import cached_db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from dashboard.backends.prepared import Prepared

KEY = re.compile(r"[0-9a-z]{32}", re.ASCII)
BEGAN = "_began"
"""When the person signed in, or a stranger's session was first saved; in seconds since 1970."""

ROW = Prepared(lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now))


class SessionStore(cached_db.SessionStore):
    """Django's sessions with an absolute end, which a new session key (for example after a new password) keeps."""

    def __setitem__(self, key: str, value: object) -> None:
        if key == SESSION_KEY:  # only a sign-in sets the user
            super().__setitem__(BEGAN, time.time())
        super().__setitem__(key, value)

    def _get_session_from_db(self) -> Session | None:
        """Find the row as Django does, by a query that is not written again at every request."""
        found = ROW.first(key=str(self.session_key), now=timezone.now())
        if found is None:
            self._session_key = None
        return found

    def load(self) -> dict[str, object]:
        data: dict[str, object] = super().load()
        if not isinstance(data, dict):  # the cached value is invalid: use the row
            self._cache.delete(self.cache_key)
            data = super().load()
        began = data.get(BEGAN)
        if isinstance(began, float) and began + settings.SESSION_COOKIE_AGE <= time.time():
            self._session_key = None
            return {}
        return data

    def save(self, must_create: bool = False) -> None:
        data, now = self._get_session(no_load=must_create), time.time()  # type: ignore[attr-defined]
        if data:  # a clock that was ahead at the sign-in must not make a session longer
            data[BEGAN] = min(data.get(BEGAN, now), now)
        try:
            super().save(must_create)
        except UpdateError as ended:
            # Django treats any database error as a session that was deleted since it was read.
            if isinstance(ended.__context__, OperationalError):
                raise ended.__context__ from None
            raise

    def get_expiry_date(self, **kwargs: object) -> datetime:
        began = self.get(BEGAN, time.time())
        end = datetime.fromtimestamp(began, UTC) + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        return min(super().get_expiry_date(**kwargs), end)

    def get_expiry_age(self, **kwargs: object) -> int:
        """Return the seconds left. With `expiry`, from a row that was just read, the session is not loaded."""
        age: int = super().get_expiry_age(**kwargs)
        if "expiry" in kwargs:
            return age
        left = self.get(BEGAN, time.time()) + settings.SESSION_COOKIE_AGE - time.time()
        return min(age, max(0, int(left)))

    def _validate_session_key(self, key: str | None) -> bool:
        """Accept only keys in Django's format: a NUL in a cookie is an error for PostgreSQL, and would be a 500."""
        return bool(key and KEY.fullmatch(key))
