"""Where the corpus lies and what its files define; nothing is judged here."""

import ast
import importlib.util
import json
from pathlib import Path

HERE = Path(__file__).parent
CORRECT = sorted((HERE / "correct").glob("*.py"))
SOURCES = sorted((HERE / "sources").iterdir())
MESSY = {path.stem: path for path in (HERE / "messy").iterdir()}


def defined(text: str) -> set[str]:
    """Names of the functions of a file, methods left out."""
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def readable(path: Path) -> bool:
    """Whether what the file imports is installed here; SciPy may not be."""
    return "scipy" not in path.read_text(encoding="utf-8") or importlib.util.find_spec("scipy") is not None


def code(path: Path) -> str:
    """The functions of a file; of a notebook, the text of the cells that define some, joined."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "import numpy as np\nfrom rnn_utils import *\n\n" + "\n\n".join(cell for cell in cells if "def " in cell)
