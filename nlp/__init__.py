"""Plaudit: tells conversation from applause."""
