"""Our own API, under `/api/v1/portals/<portalId>`."""
