"""What is kept: dumps to score and corrected labels, in SQLite or PostgreSQL."""
