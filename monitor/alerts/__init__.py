"""Alerts: identity, episodes, acknowledgement; from checks, heartbeats and other systems alike."""
