"""Every name of TensorRT that the code uses is one of the real bindings, also where only a GPU would reach it."""

import ast
from pathlib import Path

import pytest

import dfs_core

SOURCES = ("engines/build.py", "engines/messages.py", "engines/progress.py", "engines/target.py", "runtime/tensorrt.py")
CLASSES = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "ranges": "IOptimizationProfile",
    "self._runtime": "Runtime",
    "self._engine": "ICudaEngine",
    "self._context": "IExecutionContext",
}
"""What the variables of those files hold."""


def used(source):
    """Return the dotted names that start at the package or at one of `CLASSES`, as the bindings have them."""
    found = set()
    for node in ast.walk(ast.parse((Path(dfs_core.__file__).parent / source).read_text())):
        if not isinstance(node, ast.Attribute):
            continue
        variable, _, name = ast.unparse(node).rpartition(".")
        if variable in CLASSES:
            found.add(f"{CLASSES[variable]}.{name}")
        for package in ("tensorrt.", "self._tensorrt."):
            if variable.startswith(package) or f"{variable}." == package:
                found.add(f"{variable}.{name}".removeprefix(package))
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_names_are_those_of_the_bindings(source, tensorrt):
    names = used(source)
    assert names
    for name in names:
        there = tensorrt
        for part in name.split("."):
            assert hasattr(there, part), f"{source} uses {name}"
            there = getattr(there, part)


def test_the_names_that_run_an_engine_are_among_them():
    assert used("runtime/tensorrt.py") >= {
        "Runtime",
        "Runtime.deserialize_cuda_engine",
        "ICudaEngine.create_execution_context",
        "IExecutionContext.set_input_shape",
        "IExecutionContext.set_tensor_address",
        "IExecutionContext.execute_async_v3",
    }
