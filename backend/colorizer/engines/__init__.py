"""The engines, one package per system, behind one interface (`base.py`); `registry.py` lists their names."""
