from django import template
from django.conf import settings
from django.template import RequestContext

register = template.Library()


@register.inclusion_tag("socialaccount/_button.html", takes_context=True)
def oidc_button(context: RequestContext, next_page: str) -> dict[str, object]:
    """Show the button to sign in through the provider, if one is set: `{% oidc_button redirect_field_value %}`."""
    name = settings.OIDC_NAME if settings.OIDC_ISSUER else ""
    return {"name": name, "next": next_page, "csrf_token": context.get("csrf_token")}
