"""Evidence, wording and templates of the investigation reports."""
