"""Widgets. They show the app's objects and call them; no other package knows them."""
