"""Notebooks for analysts: ``marimo edit flows/notebooks/follow_a_lot.py``."""
