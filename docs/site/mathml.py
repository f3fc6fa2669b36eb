"""A Sphinx extension: equations as MathML, which browsers draw themselves, so that no page loads a script for them.

The converter is latex2mathml: pure Python without dependencies, and kept. That of Docutils calls its own interface
provisional.
"""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write an equation within a line.

    Raises:
        SkipNode: it is written.
    """
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation on lines of its own, which scrolls where it is too wide.

    Raises:
        SkipNode: it is written.
    """
    translator.body.append(f'<div class="equation">{convert(node.astext(), display="block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the renderer known to Sphinx, and take it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
