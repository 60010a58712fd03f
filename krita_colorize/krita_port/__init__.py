"""The only package that imports krita: reads and inserts layers, shows the overlay, watches for changes, and
stores data in documents (annotations)."""
