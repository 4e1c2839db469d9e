"""Sign-in through a provider that speaks OpenID Connect: `OIDC_ISSUER` and its companions switch it on.

`pending` remembers in the browser what was begun, `door` speaks to the provider, `provider` believes it only what it
can prove, `linking` finds the account, `views` lead there and back. The rules are those of OpenID Connect Core 1.0 and
of RFC 9700: code flow alone, PKCE, state, nonce, and the one issuer of the settings.
"""
