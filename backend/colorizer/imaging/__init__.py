"""Reading and writing pictures, lines, regions, palette, masks, colour spaces and layer composition."""
