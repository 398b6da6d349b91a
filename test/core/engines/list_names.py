"""Write down the names in the real bindings of TensorRT, whose wheels come without the library that they bind.

    python test/core/engines/list_names.py WHEEL… > test/core/engines/tensorrt_names.json

A wheel is what `pip download --no-deps tensorrt-cu12-bindings==VERSION` brings; it must be for this Python. The few
functions that the bindings want of the library are stood in for by a C file of empty ones: importing calls none.
"""

import ctypes
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

CLASSES = (
    "Builder", "BuilderFlag", "DataType", "ExecutionContextAllocationStrategy", "IBuilderConfig", "ICudaEngine",
    "IExecutionContext", "ILogger", "INetworkDefinition", "IOptimizationProfile", "IProgressMonitor", "IRuntimeCache",
    "IRuntimeConfig", "MemoryPoolType", "NetworkDefinitionCreationFlag", "OnnxParser", "ParserError", "Runtime",
)  # fmt: skip
"""Those whose members are written down."""


def names(wheel: Path) -> list[str]:
    """Return the names of the package and of its classes, given in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(zipfile.ZipFile(wheel).extract("tensorrt_bindings/tensorrt.so", folder))
        needed = re.findall(r"NEEDED.*\[(libnv\S+)\]", _say("readelf", "--dynamic", library))
        wanted = re.findall(r" U ((?:create|get|init)\w+)$", _say("nm", "-D", library), re.MULTILINE)
        source = Path(folder, "empty.c")
        source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in wanted))
        for name in needed:
            target = Path(folder, name)
            _say("cc", "-shared", "-fPIC", "-fno-builtin", "-w", f"-Wl,-soname,{name}", "-o", target, source)
            ctypes.CDLL(str(target), mode=ctypes.RTLD_GLOBAL)
        spec = importlib.util.spec_from_file_location("tensorrt", library)
        package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        members = [f"{name}.{member}" for name in CLASSES for member in dir(getattr(package, name, None))]
        return sorted(name for name in (*dir(package), *members) if "_" not in {name[0], name.partition(".")[2][:1]})


def main(wheels: list[Path]) -> None:
    """Print which names are in all the versions, and in which the others are."""
    versions = defaultdict(list)
    for wheel in wheels:
        version = wheel.name.split("-")[1]
        for name in json.loads(_say(sys.executable, __file__, "--one", wheel)):
            versions[name].append(version)
    all_versions = [wheel.name.split("-")[1] for wheel in wheels]
    always = sorted(name for name, found in versions.items() if found == all_versions)
    sometimes = {name: found for name, found in sorted(versions.items()) if found != all_versions}
    print(json.dumps({"versions": all_versions, "always": always, "sometimes": sometimes}, indent=0))


def _say(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        print(json.dumps(names(Path(sys.argv[2]))))
        sys.stdout.flush()
        import os

        os._exit(0)  # the empty functions are not for what the package does at its end
    main([Path(word) for word in sys.argv[1:]])
