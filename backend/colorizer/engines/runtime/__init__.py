"""What engines share to run a model: devices, memory profiles, what is offloaded, what is remembered."""
