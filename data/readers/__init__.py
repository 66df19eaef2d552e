"""Readers: bytes of partners' files in, typed frames out; nothing here knows the warehouse."""
