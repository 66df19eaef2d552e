"""Every line of SQL: one file, one model."""
