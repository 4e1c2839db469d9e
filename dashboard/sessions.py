"""Sessions are rows, read through the `sessions` cache: Redis where there is one, else nothing."""

import re

from django.contrib.sessions.backends import cached_db

KEY = re.compile(r"[0-9a-z]{32}", re.ASCII)


class SessionStore(cached_db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        """Take what Django makes alone: PostgreSQL refuses a cookie's NUL with an error, which would be a 500."""
        return bool(key and KEY.fullmatch(key))
