"""SNMP below the probe: device sessions, walks, tables."""
