"""Widgets. They show app objects and call them; nothing else knows they exist."""
