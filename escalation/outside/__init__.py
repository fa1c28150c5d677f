"""Receivers outside: other programs that are told of groups of alerts as Alertmanager tells them (A-02, A-03, A-05)."""
