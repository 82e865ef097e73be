"""The identity provider: OpenID Connect sign-in for provisioned people."""
