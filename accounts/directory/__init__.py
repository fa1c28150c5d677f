"""People as an LDAP directory has them: signing in by bind, and a sync that is looked at before it does anything (R-03)."""
