"""What engines share to run a model: devices, memory profiles, offloading, caches."""
