"""Every name of TensorRT that the code uses is one of the real bindings, also where only a GPU would reach it.

TensorRT for RTX is asked itself. The names of TensorRT 10 and 11, whose library no registry has, were read from their
bindings by `list_names.py`.
"""

import ast
import json
from pathlib import Path

import pytest

import dfs_core
from dfs_core.runtime import tensorrt_api

ENGINES = ("engines/build.py", "engines/messages.py", "engines/progress.py", "engines/target.py")
SOURCES = (*ENGINES, "runtime/engine_session.py")
CLASSES = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "ranges": "IOptimizationProfile",
    "error": "ParserError",
    "kinds": "DataType",
    "self._runtime": "Runtime",
    "self._engine": "ICudaEngine",
    "context": "IExecutionContext",
    "self._context": "IExecutionContext",
    "settings": "IRuntimeConfig",
    "cache": "IRuntimeCache",
    "self._rtx_cache": "IRuntimeCache",
}
"""What the variables of those files hold."""

PROTOCOLS = {
    "IExecutionContext": tensorrt_api.Context,
    "IRuntimeCache": tensorrt_api.RuntimeCache,
    "IRuntimeConfig": tensorrt_api.RuntimeConfig,
    "ICudaEngine": tensorrt_api.Engine,
    "Runtime": tensorrt_api.Runtime,
}
"""What mypy takes those that run an engine for."""

FOR_RTX = {
    "ComputeCapability",
    "CudaGraphStrategy",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
    "CudaGraphStrategy.WHOLE_GRAPH_CAPTURE",
    "IRuntimeCache.deserialize",
    "IRuntimeCache.serialize",
    "IRuntimeConfig.create_runtime_cache",
    "IRuntimeConfig.cuda_graph_strategy",
    "IRuntimeConfig.set_runtime_cache",
}
"""Used only where `ComputeCapability` or `CudaGraphStrategy` is there: no TensorRT has these two."""

SINCE_10_3 = {"ICudaEngine.create_runtime_config", "IRuntimeConfig.set_execution_context_allocation_strategy"}
"""In TensorRT, too, but not in 10.3; used for RTX only."""

RECORDED = json.loads(Path(__file__).with_name("tensorrt_names.json").read_text())


def used(source):
    """Return the dotted names that start at the package or at one of `CLASSES`, as the bindings have them."""
    found = set()
    for node in ast.walk(ast.parse((Path(dfs_core.__file__).parent / source).read_text())):
        if not isinstance(node, ast.Attribute):
            continue
        variable, _, name = ast.unparse(node).rpartition(".")
        if variable in CLASSES and not name.startswith("__"):
            found.add(f"{CLASSES[variable]}.{name}")
        for package in ("tensorrt", "self._tensorrt"):
            if f"{variable}.".startswith(f"{package}.") and not name.startswith("__"):
                found.add(f"{variable}.{name}".removeprefix(f"{package}."))
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


def test_names_are_those_of_tensorrt_from_10_3_to_11_4():
    assert RECORDED["versions"] == ["10.3.0", "10.16.1.11", "11.0.0.114", "11.4.0.106"]
    names = set().union(*map(used, SOURCES))
    always = set(RECORDED["always"])
    assert not {name for name in names if name.count(".") < 2} - FOR_RTX - SINCE_10_3 - always
    assert set(RECORDED["sometimes"]) >= SINCE_10_3
    for name in SINCE_10_3:
        assert RECORDED["sometimes"][name] == RECORDED["versions"][1:]


def test_what_tells_tensorrt_for_rtx_from_tensorrt_is_in_no_tensorrt(tensorrt):
    for name in ("ComputeCapability", "CudaGraphStrategy"):
        assert hasattr(tensorrt, name)
        assert name not in {*RECORDED["always"], *RECORDED["sometimes"]}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_types_have_no_name_that_the_bindings_lack(name, tensorrt):
    protocol = PROTOCOLS[name]
    members = {*protocol.__annotations__, *vars(protocol)}
    members = {member for member in members if not member.startswith("_")}
    assert members
    for member in members:
        assert hasattr(getattr(tensorrt, name), member)
        if f"{name}.{member}" not in FOR_RTX | SINCE_10_3:
            assert f"{name}.{member}" in RECORDED["always"]


def test_the_names_that_run_an_engine_are_among_them():
    assert used("runtime/engine_session.py") >= {
        "Runtime",
        "Runtime.deserialize_cuda_engine",
        "ICudaEngine.create_execution_context",
        "IExecutionContext.set_input_shape",
        "IExecutionContext.set_tensor_address",
        "IExecutionContext.set_device_memory",
        "IExecutionContext.execute_async_v3",
    }
