"""Packages laid out as pip would have installed them."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path


def install(
    folder: Path, module: str, source: str, *, package: str = "ceos-haiku"
) -> list[importlib.metadata.EntryPoint]:
    """Lay out a package as pip would have installed it and return its entry points."""
    info = folder / f"{package.replace('-', '_')}-0.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.2\n")
    (info / "entry_points.txt").write_text(f"[ceos]\nstrategies = {module}\n")
    (folder / f"{module}.py").write_text(source)
    return list(importlib.metadata.Distribution.at(info).entry_points)
