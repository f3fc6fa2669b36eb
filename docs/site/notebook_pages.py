"""The notebooks of docs/notebooks as pages, with what they printed and drew when they ran."""

import re

from measured import ROOT
from nbconvert import MarkdownExporter

NOTE = "*A notebook: `docs/notebooks/{name}.ipynb`. What is below its cells is what they said when all of it ran.*\n\n"


def pages() -> dict[str, bytes]:
    """The page and the pictures of every notebook, by their paths within the site."""
    files: dict[str, bytes] = {}
    for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        body, made = MarkdownExporter().from_filename(str(path), resources={"output_files_dir": path.stem})
        title, _, rest = body.partition("\n")
        rest = re.sub(r"\]\(([\w-]+)\.ipynb\)", r"](\1.md)", rest)
        rest = rest.replace("```python\n", "```ipython3\n")  # lines that begin with "!" are no Python
        rest = re.sub(r"^!\[png\]", "![what the cell above draws]", rest, flags=re.MULTILINE)
        files[f"notebooks/{path.stem}.md"] = f"{title}\n\n{NOTE.format(name=path.stem)}{rest}".encode()
        files |= {f"notebooks/{name}": content for name, content in made["outputs"].items()}
    return files
