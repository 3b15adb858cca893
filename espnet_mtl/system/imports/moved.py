"""Old names of modules that users import or run: they go on working, and say the new one."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType

STAGES = (
    *("check_config", "prepare_data", "prepare_audio", "extract_features", "collect_stats"),
    *("train", "decode", "evaluate", "pack"),
)
MOVED = {
    "espnet_mtl.heads": "espnet_mtl.model.heads",
    "espnet_mtl.layers": "espnet_mtl.model.layers",
    "espnet_mtl.targets": "espnet_mtl.model.targets",
    "espnet_mtl.types": "espnet_mtl.model.taps",
    **{f"espnet_mtl.bin.{name}": f"espnet_mtl.bin.stages.{name}" for name in STAGES},
}
"""Old name -> new name. What is in a package moved with it."""
SPLIT = {"espnet_mtl.layers": "espnet_mtl.model.gradients"}
"""Old name of a module that became two -> the second one."""


def new_name(name: str) -> str | None:
    """Returns the new name of a module or of the package that it is in; None where none of them has moved."""
    if name in MOVED:
        return MOVED[name]
    package, _, child = name.rpartition(".")
    moved = new_name(package) if package else None
    return f"{moved}.{child}" if moved else None


class _MovedModules(MetaPathFinder, Loader):
    """Gives the new module where the old one is imported, and its code where the old one is run by `python -m`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        name = new_name(fullname)
        new = find_spec(name) if name else None
        if new is None:
            return None
        return ModuleSpec(fullname, self, origin=new.origin, is_package=new.submodule_search_locations is not None)

    def exec_module(self, module: ModuleType) -> None:
        """Puts the new module in the place of the one that Python has just made."""
        new = new_name(module.__name__)
        assert new is not None
        warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        found = importlib.import_module(new)
        if module.__name__ not in SPLIT:
            sys.modules[module.__name__] = found
            return
        second = importlib.import_module(SPLIT[module.__name__])
        vars(module).update({**vars(second), **vars(found), "__name__": module.__name__, "__spec__": module.__spec__})

    def get_code(self, fullname: str) -> CodeType | None:
        """`python -m <old name>` asks for this."""
        from multiprocessing import parent_process  # 10 ms that `import espnet_mtl` does not need

        new = new_name(fullname)
        assert new is not None
        spec = find_spec(new)
        assert spec is not None
        assert isinstance(spec.loader, SourceFileLoader)
        if parent_process() is None:  # workers start with the same module, and have nobody to tell
            message = f"{fullname} is now {new}"
            # Python shows such warnings only where they are of the module that runs
            warnings.warn_explicit(message, DeprecationWarning, "<command line>", 1, module="__main__")
        return spec.loader.get_code(spec.name)


def install() -> None:
    """Makes Python find modules by their old names."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovedModules())
