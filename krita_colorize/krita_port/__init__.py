"""The only place that imports krita: snapshots, layer building, overlay, watching, storing."""
