"""The engines, one room per system, behind one door (`base.py`); `registry.py` knows their names."""
