"""The built-in engine: line regions coloured with the reference's exact colours."""
