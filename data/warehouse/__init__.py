"""The warehouse: landing, the SQL model runner, snapshots."""
