"""The backend's HTTP side: routes, auth, limits, jobs, events, and the worker process that runs the engines."""
