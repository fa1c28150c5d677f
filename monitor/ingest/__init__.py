"""Web hooks in: Alertmanager, Zabbix and anything else that sends JSON become alerts."""
