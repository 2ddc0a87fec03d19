"""Workers that a broker wakes through Celery, and beat, which sees to what no message tells of."""
