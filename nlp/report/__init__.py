"""Reports: one envelope, rendered as JSON, HTML and text."""
