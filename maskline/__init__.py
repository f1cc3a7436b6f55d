"""The roof: command line, wiring, Celery app and demo. The only place that knows everybody."""
