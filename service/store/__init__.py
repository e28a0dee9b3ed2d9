"""What is kept, on PostgreSQL or SQLite; SQLAlchemy and the drivers are used here only."""
