"""OpenID Connect: the provider, its grants, tokens, keys and endpoints."""
