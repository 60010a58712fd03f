"""The docker's moving parts as Qt objects: backend supervisor, HTTP client, job queue, document model."""
