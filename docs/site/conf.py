"""What Sphinx is told; `build.py` beside this file calls it with the pages in order."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import foveate

project = "foveate"
author = "The foveate authors"
project_copyright = author
release = version = foveate.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "mathml", "docstrings"]
root_doc = "index"
exclude_patterns: list[str] = []
highlight_language = "none"

myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 4

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
add_module_names = False
# types of other packages have their pages elsewhere: no inventory is asked for over a network
nitpick_ignore_regex = [("py:.*", ".*")]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Source"]

smartquotes = False  # what is quoted is often to be typed

html_theme = "furo"
html_title = f"foveate {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
