"""Delivery: command line, HTTP service, settings."""
