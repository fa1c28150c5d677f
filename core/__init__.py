"""What every room stands on: time, database, events, errors. Knows no Flask and no domain."""
