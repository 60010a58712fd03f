"""The docker's state and actions as Qt objects: backend supervisor, HTTP client, job queue, document model."""
