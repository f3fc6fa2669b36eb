"""``evaluate.py serve``: agents in a browser. Only `page`, `parts` and `panels` import NiceGUI, the extra "serve"."""
