"""Signing in by an OpenID Connect provider: it says who somebody is, this program whether they are known and what they may."""
