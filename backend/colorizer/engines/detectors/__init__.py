"""Published networks that find the lines or the foreground of a picture."""
