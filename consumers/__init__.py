"""Programs that read the broker's queues: the billing count."""
