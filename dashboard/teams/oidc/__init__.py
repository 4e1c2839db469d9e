"""Sign-in through an OpenID Connect provider; `OIDC_ISSUER` and its companions turn it on.

`state_cookie` keeps a started sign-in in the browser, `http` sends requests to the provider, `id_token` speaks the
protocol and checks what comes back, `linking` finds the account, `views` ties them together. The rules are those of
OpenID Connect Core 1.0 and RFC 9700: only the code flow, with PKCE, state and nonce, only with the issuer in settings.
"""
