"""Shared by the engines to run models: devices, memory profiles, offloading, caches."""
