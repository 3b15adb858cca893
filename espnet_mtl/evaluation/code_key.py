"""The key of the code that a result depends on: the modules that it reaches, and the packages that these import.

Nothing is listed by hand: imports are followed from one module on, so that none can be forgotten.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import packages_distributions, version
from importlib.util import resolve_name
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.cache import digest

ROOT = Path(__file__).parents[2]
"""Directory of this package."""


@lru_cache
def code_key(module: str, root: Path = ROOT) -> str:
    """Hashes the code that a module runs.

    These are all files of the folders of the modules that it reaches by imports (at the top or within functions) and by
    names in strings (as registries have them), each with its path and content; and the version of every installed
    package that one of these modules imports.

    Args:
        module: Where to start, e.g. `espnet_mtl.evaluation.judge`.
        root: Directory of the package that the module is in.

    Raises:
        UserError: There is no such module.
    """
    files, packages = reached(module, root)
    places = [str(path.relative_to(root)) for path in files]
    return digest(files, {"files": places, "versions": _versions(packages)})


def reached(module: str, root: Path = ROOT) -> tuple[list[Path], list[str]]:
    """Follows the imports of a module through its own package.

    Args:
        module: Where to start.
        root: Directory of its package.

    Returns:
        All files in the folders of the modules that it reaches, and the names of the other packages that these modules
        import, both sorted. Standard modules of Python are left out.

    Raises:
        UserError: There is no such module.
    """
    if _module_file(module, root) is None:
        raise UserError(f"no module {module} in {root}")
    own_package = module.partition(".")[0]
    modules: set[Path] = set()
    packages: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top != own_package:
            packages.add(top)
            continue
        path = _module_file(name, root)
        # A name that has no file is that of a class or function of a module that is followed itself.
        if path is None or path in modules:
            continue
        modules.add(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _names(path, package, own_package)
    files: list[Path] = []
    for folder in {path.parent for path in modules}:
        files += [path for path in folder.iterdir() if path.is_file()]
    return sorted(files), sorted(packages - sys.stdlib_module_names)


def _module_file(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _names(path: Path, package: str, own_package: str) -> Iterator[str]:
    """Names that a file imports, by `import_module` as well, or that its strings hold, as `<module>:<class>`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield module
            # `from package import module`: what is imported may be a module itself.
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))
        elif isinstance(node, ast.Constant) and str(node.value).startswith(f"{own_package}."):
            yield str(node.value).partition(":")[0]


def _versions(packages: list[str]) -> dict[str, list[str]]:
    """Versions of packages by the name of their import; none for what is not installed."""
    distributions = packages_distributions()
    versions = {}
    for package in packages:
        names = sorted(set(distributions.get(package, ())))
        versions[package] = [f"{name} {version(name)}" for name in names]
    return versions
