"""The programs of image/ as modules: they are scripts, and no part of the package."""

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

IMAGE = Path(__file__).parents[2] / "image"


def _load(path: str) -> ModuleType:
    name = f"image_{Path(path).stem}"
    loader = SourceFileLoader(name, str(IMAGE / path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load() -> Callable[[str], ModuleType]:
    """Load one by its path under image/, without leaving byte code beside it."""
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        modules = {
            path: _load(path)
            for path in (
                "assemble.py",
                "device_tree.py",
                "manifest.py",
                "label.py",
                "overlay/usr/local/lib/achivx/provision.py",
            )
        }
    finally:
        sys.dont_write_bytecode = kept
    return modules.__getitem__
