"""Pictures in and out, lines, regions, palette, masks, colour science, layer composition."""
