"""The record: audit trail, run manifests, kept originals, publication, and their checks."""
