"""System checks: settings that may be missing, and what does not work without them."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

DUMMY_MAIL = "django.core.mail.backends.dummy.EmailBackend"


@register()
def check_keys(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    if settings.API_KEY_ENCRYPTION_KEYS:
        return []
    return [Warning("API_KEY_ENCRYPTION_KEYS is not set: API keys cannot be stored or read.", id="teams.W001")]


@register()
def check_mail(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    if settings.EMAIL_BACKEND != DUMMY_MAIL:
        return []
    hint = "Until then create links to set a password with: manage.py invite_link EMAIL"
    return [Warning("EMAIL_URL is not set: no mail to reset a password is sent.", hint=hint, id="teams.W002")]
