"""Metrics, traffic and the facts that alarms are made of."""
