"""Dump formats: one small file each."""
