"""The HTTP edge: reads a request, calls one thing, maps one error."""
