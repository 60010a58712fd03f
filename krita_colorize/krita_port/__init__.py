"""The only package that imports krita: it reads and builds layers, shows the overlay, watches and stores notes."""
