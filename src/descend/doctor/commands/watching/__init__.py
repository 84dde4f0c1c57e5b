"""Beside a run that goes on in earnest: alerts, the live page, and what keeps the record."""
